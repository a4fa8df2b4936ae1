/* Functions of one number for the plain loops: the formulas of env/feed/vector.h, inlined into loops. */
#ifndef SPEC_BENCH_PLAIN_FUNCTIONS_H
#define SPEC_BENCH_PLAIN_FUNCTIONS_H

#include <stdint.h>
#include <string.h>

static inline __attribute__((unused)) float from_bits(int32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}
static inline __attribute__((unused)) int32_t to_bits(float x) {
  int32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}
static inline __attribute__((unused)) float clip(float x, float low, float high) {
  x = x > low ? x : low;
  return x < high ? x : high;
}
static inline __attribute__((unused)) float exponential(float x) {
  x = clip(x, -87, 87);
  float t = x * 1.44269504f + 12582912.0f;
  int32_t n = to_bits(t) - to_bits(12582912.0f);
  float k = t - 12582912.0f, r = (x - k * 0.693359375f) + k * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  return ((p * r) * r + r + 1) * from_bits((int32_t)((uint32_t)(n + 127) << 23));
}
static inline __attribute__((unused)) float logarithm(float x) {
  int32_t bits = to_bits(x), e = (bits - 0x3f3504f3) >> 23;
  float m = from_bits(bits - (int32_t)((uint32_t)e << 23)) - 1, k = (float)e, z = m * m;
  float p = 7.0376836292e-2f;
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  return m + (p * m * z - k * 2.12194440e-4f - 0.5f * z) + k * 0.693359375f;
}
static inline __attribute__((unused)) float logistic(float x) { return 1 / (1 + exponential(-x)); }
static inline __attribute__((unused)) float cosine_of_turns(float x) {
  float r = x - ((x + 12582912.0f) - 12582912.0f);
  r = r > -r ? r : -r;
  float a = (0.25f - r) * 6.28318530718f, z = a * a;
  float p = 2.7525562e-6f;
  p = p * z - 1.9840874e-4f;
  p = p * z + 8.3333310e-3f;
  p = p * z - 1.6666667e-1f;
  return a + a * z * p;
}

/* The sum of eight lanes, in the order in which vectors add theirs. */
static inline __attribute__((unused)) float sum_of_lanes(const float x[8]) {
  return ((x[0] + x[1]) + (x[2] + x[3])) + ((x[4] + x[5]) + (x[6] + x[7]));
}

#endif
