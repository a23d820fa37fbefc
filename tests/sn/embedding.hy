"A Hy program with SN in it; tests/sn/test_embedding.py looks at what it computed."

(require sn.hy [sn sn-interpreter])
(import sn [Interpreter])

(sn (de twice (x) (* 2 x))
    (defvar m [[1 2] [3 4]]))

(setv n 21)
(setv computed
  {"number" (sn (twice ~n))
   "list" (sn (mapcar 'twice ~[1 2 (+ 1 2)]))
   "quoted" (sn '(a 1 "text" ~(str n) (b . c)))
   "spliced" (sn '(1 ~@[2 3] 4))
   "truth" [(sn (> 2 1)) (sn (< 2 1)) (sn ()) (sn ~True) (sn (null ~None))]
   "text" (sn "(let ((Alloc_Net 3)) ~(= alloc-net 4)) ; SN's own ~")
   "both" (sn "(de f (x) `(,x ,@x))" (f '(1)) "(f '(2))")
   "global" (sn (defvar level 1) (let ((level 2)) (list level :level)))
   "matrix" (sn m)
   "dotted" (sn (de a.b () 5) (a.b))
   "words" (sn '(Alloc_Net 1+ nil t))
   "accents" (sn (list "Ä" (len "Ä")))
   "loop" (sn (let ((s 0)) (for (i 1 10) (incr s i)) s))})

(defn ten-times [] (lfor k (range 10) (sn (twice ~k))))

(setv other (Interpreter))
(setv elsewhere (sn :in other (de twice (x) (list 'other x)) (twice ~n)))

(.register (sn-interpreter) "shout" (fn [text #* more] (+ (.upper text) "!" (str (len more)))))
(setv shouted (sn (shout "hé" 1 2)))
(.register (sn-interpreter) "fails" (fn [] (/ 1 0)))
(setv doubler (sn twice))
(setv array (sn m))
(setv (get array #(0 0)) 10.0)
(setv changed (sn (m 0 0)))
