"""The drawing page and the reading service: one server, one page, on this machine alone.

`check-reader serve` and ``demo-1993 --web`` are its two doors. `server` answers requests and
trusts none of them; `desk` hands them to worker processes and ends those that take too long;
`sight` is what a worker does; `command` opens the door. Needs the extra ``web``.
"""
