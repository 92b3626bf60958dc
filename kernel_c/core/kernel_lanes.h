/* kernel_lanes.h - e^x, the softmax and the gate, for the lanes of one level. The file of the level defines before:
 *
 *   LANES, lanes             how many floats a register has, and its type; + - * / are those of the lanes
 *   lanes_load, lanes_store  anywhere in memory
 *   lanes_all                the same value in every lane
 *   lanes_max, lanes_min     of a NaN and a number the second argument
 *   lanes_highest            the highest lane, as a number
 *   lanes_raise              of a power and a float whose low bits are an integer n: the power times 2^n
 *   lanes_done               what must follow the last instruction on whole registers
 */
#ifndef LLMK_KERNEL_LANES_H
#define LLMK_KERNEL_LANES_H

static inline lanes exponential_lanes(lanes x)
{
    x = lanes_min(lanes_max(x, lanes_all(EXP_LOW)), lanes_all(EXP_HIGH));
    lanes shifted = x * lanes_all(EXP_LOG2E) + lanes_all(EXP_ROUND);
    lanes n = shifted - lanes_all(EXP_ROUND);
    lanes r = x - n * lanes_all(EXP_LN2_HIGH);
    r = r - n * lanes_all(EXP_LN2_LOW);
    lanes p = lanes_all(EXP_P5);
    p = p * r + lanes_all(EXP_P4);
    p = p * r + lanes_all(EXP_P3);
    p = p * r + lanes_all(EXP_P2);
    p = p * r + lanes_all(EXP_P1);
    p = p * r + lanes_all(EXP_P0);
    p = p * (r * r) + r;
    return lanes_raise(p + lanes_all(1.0f), shifted);
}

static inline void divide_all(float *to, const float *from, float divisor, uint32_t count)
{
    for (uint32_t t = 0; t < count; t += LANES)
        lanes_store(to + t, lanes_load(from + t) / lanes_all(divisor));
}

static inline float highest(const float *values, uint32_t count)
{
    lanes most = lanes_all(-__builtin_inff());
    for (uint32_t t = 0; t < count; t += LANES)
        most = lanes_max(lanes_load(values + t), most);
    return lanes_highest(most);
}

static inline void softmax_lanes(float *weights, const float *scores, float divisor, uint32_t count)
{
    divide_all(weights, scores, divisor, count);
    softmax_end(weights, count);
    lanes most = lanes_all(highest(weights, count));
    float sum = 0;
    for (uint32_t t = 0; t < count; t += LANES) {
        lanes_store(weights + t, exponential_lanes(lanes_load(weights + t) - most));
        sum = add_in_order(sum, weights + t, count - t < LANES ? count - t : LANES);
    }
    divide_all(weights, weights, sum, count);
    lanes_done();
}

static inline void gate_lanes(float *out, const float *gate, const float *up, uint32_t count)
{
    for (uint32_t i = 0; i < count; i += LANES) {
        lanes x = lanes_load(gate + i), one = lanes_all(1.0f);
        lanes silu = x * (one / (one + exponential_lanes(-x)));
        lanes_store(out + i, silu * lanes_load(up + i));
    }
    lanes_done();
}

#endif
