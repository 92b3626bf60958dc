/* maths.h - the few functions of libm that tables need, in double precision and without libm.
 *
 * Used while loading only (rotary table), never per token. Relative error below 1e-13 over the ranges named.
 */
#ifndef LLMK_MATHS_H
#define LLMK_MATHS_H

double maths_exp(double x); /* -700 .. 700 */
double maths_log(double x); /* x > 0, normal */
double maths_power(double base, double exponent);
void maths_sin_cos(double x, double *ret_sin, double *ret_cos); /* |x| <= 1e6 */
float maths_sqrt(float x);                                      /* correctly rounded */

#endif
