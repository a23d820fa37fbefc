/*@about@*/
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/*@defines@*/

enum { TANH, LINEAR, RECTIFIER, PIECEWISE };

/* Weights, in the order in which the steps use them. */
/*@weights@*/

/* Where the steps find their inputs, outputs and weights. */
/*@tables@*/

static double x[STATES]; /* states of the units; unit 0 is always 1 */
static double s[STATES]; /* their weighted sums */

/*@steps@*/
/* From the input layer to the output layer. */
static void propagate(void)
{
    x[0] = 1;
/*@calls@*/
}

/* ---- the image */

static int number(FILE *file)
{
    int c = getc(file), n = 0;
    while (isspace(c) || c == '#') {
        if (c == '#')
            while (c != '\n' && c != EOF)
                c = getc(file);
        c = getc(file);
    }
    if (!isdigit(c))
        return -1;
    for (; isdigit(c); c = getc(file))
        n = n > 100000 ? n : 10 * n + c - '0';
    return n;
}

/* Reads a PGM image, plain or raw, as values from 0 to 1; 0 if it is none. */
static double *read_pgm(const char *name, int *rows, int *columns)
{
    FILE *file = fopen(name, "rb");
    double *image = 0;
    int kind = 0, most = 0, k, v;
    if (!file)
        return 0;
    if (getc(file) == 'P') {
        kind = getc(file);
        *columns = number(file);
        *rows = number(file);
        most = number(file);
    }
    if ((kind == '2' || kind == '5') && *columns > 0 && *rows > 0 && *columns <= 10000
        && *rows <= 10000 && most > 0 && most < 65536)
        image = malloc(sizeof(double) * *rows * *columns);
    for (k = 0; image && k < *rows * *columns; k++) {
        v = kind == '2' ? number(file) : getc(file);
        if (kind == '5' && most > 255 && v >= 0) {
            int low = getc(file);
            v = low < 0 ? low : 256 * v + low;
        }
        if (v < 0) {
            free(image);
            image = 0;
        } else
            image[k] = (double) v / most;
    }
    fclose(file);
    return image;
}

/* Makes paper 0 and ink up to 1: the paper is what is at the border. */
static void ink_only(double *image, int rows, int columns, int stretch)
{
    double border = 0, most = 0;
    int i, j, n = 0;
    for (i = 0; i < rows; i++)
        for (j = 0; j < columns; j++)
            if (i == 0 || j == 0 || i == rows - 1 || j == columns - 1) {
                border += image[i * columns + j];
                n++;
            }
    border /= n;
    for (i = 0; i < rows * columns; i++) {
        if (border > 0.5)
            image[i] = 1 - image[i];
        if (stretch) {
            image[i] -= border > 0.5 ? 1 - border : border;
            image[i] = image[i] < 0 ? 0 : image[i];
            most = image[i] > most ? image[i] : most;
        }
    }
    for (i = 0; stretch && most > 0 && i < rows * columns; i++)
        image[i] /= most;
}

/* Returns the mean of a rectangle of the image whose edges may cut pixels. */
static double mean(const double *image, int columns, double top, double left, double size)
{
    double sum = 0, high, wide;
    int i, j;
    for (i = (int) top; i < top + size; i++)
        for (j = (int) left; j < left + size; j++) {
            high = fmin(i + 1, top + size) - fmax(i, top);
            wide = fmin(j + 1, left + size) - fmax(j, left);
            sum += high * wide * image[i * columns + j];
        }
    return sum / (size * size);
}

/* Puts the image on the retina. One that is no larger is centred as it is; of others the ink is
   scaled to fit a square of INSIDE pixels, and its centre of mass comes to the middle. */
static void look(double *image, int rows, int columns, double *retina)
{
    double small[SIDE * SIDE] = { 0 }, size, mass = 0, down = 0, right = 0;
    int top = rows, left = columns, bottom = -1, last = -1, high, wide, square, i, j, p, q;
    int larger = rows > SIDE || columns > SIDE;
    ink_only(image, rows, columns, larger);
    for (i = 0; i < SIDE * SIDE; i++)
        retina[i] = 0;
    if (!larger) {
        for (i = 0; i < rows; i++)
            for (j = 0; j < columns; j++)
                retina[((SIDE - rows) / 2 + i) * SIDE + (SIDE - columns) / 2 + j] =
                    image[i * columns + j];
        return;
    }
    for (i = 0; i < rows; i++)
        for (j = 0; j < columns; j++)
            if (image[i * columns + j] > 0.3) {
                top = i < top ? i : top;
                left = j < left ? j : left;
                bottom = i > bottom ? i : bottom;
                last = j > last ? j : last;
            }
    if (bottom < 0)
        return;
    high = bottom - top + 1;
    wide = last - left + 1;
    square = high > wide ? high : wide;
    size = (double) square / INSIDE;
    for (i = 0; i < INSIDE && i * size < high; i++)
        for (j = 0; j < INSIDE && j * size < wide; j++) {
            double v = mean(image, columns, top + fmin(i * size, fmax(high - size, 0)),
                            left + fmin(j * size, fmax(wide - size, 0)),
                            fmin(size, fmin(high, wide)));
            small[i * SIDE + j] = v;
            mass += v;
            down += v * i;
            right += v * j;
        }
    p = (int) floor((SIDE - 1) / 2.0 - down / mass + 0.5);
    q = (int) floor((SIDE - 1) / 2.0 - right / mass + 0.5);
    for (i = 0; i < SIDE; i++)
        for (j = 0; j < SIDE; j++)
            if (i + p >= 0 && i + p < SIDE && j + q >= 0 && j + q < SIDE)
                retina[(i + p) * SIDE + j + q] = small[i * SIDE + j];
}

int main(int count, char **arguments)
{
    double retina[SIDE * SIDE], outputs[OUTPUTS], *image;
    int rows = 0, columns = 0, best = 0, n, k, i = 0;
    if (count != 2) {
        fprintf(stderr, "usage: %s IMAGE.pgm\n", arguments[0]);
        return 2;
    }
    image = read_pgm(arguments[1], &rows, &columns);
    if (!image) {
        fprintf(stderr, "%s: %s: not a PGM image\n", arguments[0], arguments[1]);
        return 1;
    }
    look(image, rows, columns, retina);
    free(image);
    for (n = 0; n < (int) (sizeof input_runs / sizeof *input_runs); n += 2)
        for (k = 0; k < input_runs[n + 1]; k++)
            x[input_runs[n] + k] = PAPER + (INK - PAPER) * retina[i++];
    propagate();
    i = 0;
    for (n = 0; n < (int) (sizeof output_runs / sizeof *output_runs); n += 2)
        for (k = 0; k < output_runs[n + 1]; k++)
            outputs[i++] = x[output_runs[n] + k];
    for (k = 1; k < OUTPUTS; k++)
        if (LEAST ? outputs[k] < outputs[best] : outputs[k] > outputs[best])
            best = k;
    printf("%d\n", best);
    for (k = 0; k < OUTPUTS; k++)
        printf("%d %.9g\n", k, outputs[k]);
    return 0;
}
/*@step fill@*/
/* Sets sums to a bias. t: position, length, weight (-1: none). */
static void fill(const int *t, int n)
{
    int q, p;
    for (q = 0; q < n; q++, t += 3)
        for (p = 0; p < t[1]; p++)
            s[t[0] + p] = t[2] < 0 ? 0 : w[t[2]];
}

/*@step bias@*/
/* Adds a bias of its own to every unit. t: position, length. */
static void bias(const int *t, int n, int k)
{
    int q, p;
    for (q = 0; q < n; q++, t += 2)
        for (p = 0; p < t[1]; p++)
            s[t[0] + p] += w[k++];
}

/*@step convolve@*/
/* Convolves maps. t: input, output, kernel; pixels is the run that covers an output map. */
static void convolve(const int *t, int n, int width, int height, int pitch, int pixels)
{
    int q, r, c, p;
    for (q = 0; q < n; q++, t += 3)
        for (r = 0; r < height; r++)
            for (c = 0; c < width; c++) {
                double v = w[t[2] + r * width + c];
                const double *in = x + t[0] + r * pitch + c;
                for (p = 0; p < pixels; p++)
                    s[t[1] + p] += v * in[p];
            }
}

/*@step strided@*/
/* Convolves maps with windows that begin at tops and lefts. t: input, output, kernel. */
static void strided(const int *t, int n, int width, int height, int pitch, int out_pitch,
                    int rows, int columns, const int *tops, const int *lefts)
{
    int q, i, j, r, c;
    for (q = 0; q < n; q++, t += 3)
        for (i = 0; i < rows; i++)
            for (j = 0; j < columns; j++) {
                const double *in = x + t[0] + tops[i] * pitch + lefts[j];
                double sum = 0;
                for (r = 0; r < height; r++)
                    for (c = 0; c < width; c++)
                        sum += w[t[2] + r * width + c] * in[r * pitch + c];
                s[t[1] + i * out_pitch + j] += sum;
            }
}

/*@step subsample@*/
/* Adds the sum of a window times one weight. t: input, output, weight. */
static void subsample(const int *t, int n, int width, int height, int pitch, int out_pitch,
                      int rows, int columns, int row_step, int column_step)
{
    int q, i, j, r, c;
    for (q = 0; q < n; q++, t += 3)
        for (i = 0; i < rows; i++)
            for (j = 0; j < columns; j++) {
                const double *in = x + t[0] + i * row_step * pitch + j * column_step;
                double sum = 0;
                for (r = 0; r < height; r++)
                    for (c = 0; c < width; c++)
                        sum += in[r * pitch + c];
                s[t[1] + i * out_pitch + j] += w[t[2]] * sum;
            }
}

/*@step maximum@*/
/* Passes on the greatest state of a window. t: input, output. */
static void maximum(const int *t, int n, int width, int height, int pitch, int out_pitch,
                    int rows, int columns, int row_step, int column_step)
{
    int q, i, j, r, c;
    for (q = 0; q < n; q++, t += 2)
        for (i = 0; i < rows; i++)
            for (j = 0; j < columns; j++) {
                const double *in = x + t[0] + i * row_step * pitch + j * column_step;
                double most = in[0];
                for (r = 0; r < height; r++)
                    for (c = 0; c < width; c++)
                        most = fmax(most, in[r * pitch + c]);
                s[t[1] + i * out_pitch + j] += most;
            }
}

/*@step dense@*/
/* Connects all inputs to all outputs. outs, ins: position, length. */
static void dense(const int *outs, int n, const int *ins, int m, int width, int k)
{
    static double v[WIDEST];
    int q, p, i = 0;
    for (q = 0; q < m; q++)
        for (p = 0; p < ins[2 * q + 1]; p++)
            v[i++] = x[ins[2 * q] + p];
    for (q = 0; q < n; q++)
        for (p = 0; p < outs[2 * q + 1]; p++, k += width) {
            double sum = 0;
            for (i = 0; i < width; i++)
                sum += w[k + i] * v[i];
            s[outs[2 * q] + p] += sum;
        }
}

/*@step euclidean@*/
/* Squared distances of the inputs to the weights. outs, ins: position, length. */
static void euclidean(const int *outs, int n, const int *ins, int m, int width, int k)
{
    static double v[WIDEST];
    int q, p, i = 0;
    for (q = 0; q < m; q++)
        for (p = 0; p < ins[2 * q + 1]; p++)
            v[i++] = x[ins[2 * q] + p];
    for (q = 0; q < n; q++)
        for (p = 0; p < outs[2 * q + 1]; p++, k += width) {
            double sum = 0;
            for (i = 0; i < width; i++)
                sum += (v[i] - w[k + i]) * (v[i] - w[k + i]);
            s[outs[2 * q] + p] += sum;
        }
}

/*@step gather@*/
/* Copies what units see, one row per tap. t: inputs. */
static void gather(const int *t, int units, int taps, int at, int pitch)
{
    int q, p;
    for (q = 0; q < taps; q++)
        for (p = 0; p < units; p++)
            x[at + q * pitch + p] = x[*t++];
}

/*@step sparse@*/
/* Single links. t: input, output, weight. */
static void sparse(const int *t, int n)
{
    int q;
    for (q = 0; q < n; q++, t += 3)
        s[t[1]] += w[t[2]] * x[t[0]];
}

/*@step squash@*/
/* States from sums: A tanh(Bs) + Cs + D and its kin. t: position, length. */
static void squash(const int *t, int n, int kind, double A, double B, double C, double D)
{
    int q, p;
    for (q = 0; q < n; q++, t += 2)
        for (p = 0; p < t[1]; p++) {
            double v = s[t[0] + p];
            if (kind == TANH)
                v = A * tanh(B * v) + C * v + D;
            else if (kind == LINEAR)
                v = (A * B + C) * v + D;
            else if (kind == RECTIFIER)
                v = A * fmax(v, 0) + C * v + D;
            else
                v = A * fmax(-1, fmin(1, B * v)) + C * v + D;
            x[t[0] + p] = v;
        }
}

