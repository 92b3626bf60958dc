#include "maths.h"

#include <emmintrin.h>
#include <stdint.h>

static double two_to(int exponent)
{
    union {
        uint64_t bits;
        double value;
    } u = {.bits = (uint64_t)(1023 + exponent) << 52};
    return u.value;
}

double maths_exp(double x)
{
    const double ln2_high = 6.93147180369123816490e-01, ln2_low = 1.90821492927058770002e-10;
    int n = (int)(x * 1.4426950408889634 + (x < 0 ? -0.5 : 0.5));
    double r = (x - n * ln2_high) - n * ln2_low; /* |r| <= 0.35 */
    double term = 1.0, sum = 1.0;
    for (int k = 1; k <= 16; k++) {
        term *= r / k;
        sum += term;
    }
    return sum * two_to(n);
}

double maths_log(double x)
{
    union {
        double value;
        uint64_t bits;
    } u = {.value = x};
    int exponent = (int)(u.bits >> 52 & 0x7ff) - 1023;
    u.bits = (u.bits & 0xfffffffffffffu) | (uint64_t)1023 << 52;
    double m = u.value; /* 1 <= m < 2 */
    if (m > 1.4142135623730951) {
        m *= 0.5;
        exponent++;
    }
    double s = (m - 1) / (m + 1), square = s * s, power = s, sum = 0; /* log m = 2 atanh s */
    for (int k = 1; k <= 27; k += 2) {
        sum += power / k;
        power *= square;
    }
    return exponent * 0.69314718055994530942 + 2 * sum;
}

double maths_power(double base, double exponent)
{
    return maths_exp(exponent * maths_log(base));
}

void maths_sin_cos(double x, double *ret_sin, double *ret_cos)
{
    /* pi/2 in three parts (Cody and Waite): the first two have 33 bits, so that their products with n are exact. */
    const double part1 = 1.57079632673412561417e+00, part2 = 6.07710050630396597660e-11,
                 part3 = 2.02226624879595063154e-21;
    int64_t n = (int64_t)(x * 0.63661977236758134308 + (x < 0 ? -0.5 : 0.5));
    double r = ((x - (double)n * part1) - (double)n * part2) - (double)n * part3; /* |r| <= pi/4 */
    double square = r * r, sine = 0, cosine = 0, term = r;
    for (int k = 1; k <= 19; k += 2) {
        sine += term;
        term *= -square / ((k + 1) * (k + 2));
    }
    term = 1;
    for (int k = 0; k <= 18; k += 2) {
        cosine += term;
        term *= -square / ((k + 1) * (k + 2));
    }
    switch (n & 3) {
    case 0:
        *ret_sin = sine, *ret_cos = cosine;
        break;
    case 1:
        *ret_sin = cosine, *ret_cos = -sine;
        break;
    case 2:
        *ret_sin = -sine, *ret_cos = -cosine;
        break;
    default:
        *ret_sin = -cosine, *ret_cos = sine;
        break;
    }
}

float maths_sqrt(float x)
{
    return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x)));
}
