/* Optimizers, each one pass over a parameter slab. The order of rounding follows PyTorch's definitions; an
 * expression in parentheses is rounded, and fma(a, b, c) = a b + c is rounded once with FMA and
 * twice in the baseline table. */
#include "tensor/kernels/parts.h"
#include "tensor/kernels/vec.h"

typedef struct adam_terms {
  vf scale, l2, keep, beta2, rest1, rest2, root, epsilon, step;
} adam_terms;

INLINE void adam_step(const adam_terms *t, vf g, vf *p, vf *m, vf *v) {
  g = vfma(t->l2, *p, g * t->scale);
  *p = *p * t->keep;
  *m = vfma(t->rest1, g - *m, *m);
  *v = vfma(t->rest2, g * g, *v * t->beta2);
  *p = *p - t->step * *m / vfma(vsqrt(*v), t->root, t->epsilon);
}

/* g ← fma(l2, p, g · scale);  p ← p (1 − lr · decay);  m ← fma(1 − β₁, g − m, m);  v ← fma(1 − β₂, g², β₂ v);
 * p ← p − (lr / correction1) m / fma(√v, 1 / √correction2, ε)     (Kingma & Ba 2015; Loshchilov & Hutter
 * 2019) */
void PART(adam)(int64_t n, const prl_adam *o, const float *g, float *p, float *m, float *v) {
  adam_terms t = {vset(o->grad_scale),
                  vset(o->l2),
                  vset((float)(1 - (double)o->lr * o->decay)),
                  vset(o->beta2),
                  vset((float)(1 - (double)o->beta1)),
                  vset((float)(1 - (double)o->beta2)),
                  vset((float)(1 / __builtin_sqrt((double)o->correction2))),
                  vset(o->epsilon),
                  vset((float)((double)o->lr / o->correction1))};
  int64_t i = 0;
  for (; i + VW <= n; i += VW) {
    vf pi = vload(p + i), mi = vload(m + i), vi_ = vload(v + i);
    adam_step(&t, vload(g + i), &pi, &mi, &vi_);
    vstore(p + i, pi), vstore(m + i, mi), vstore(v + i, vi_);
  }
  if (i < n) {
    int64_t r = n - i;
    vf pi = vload_n(p + i, r), mi = vload_n(m + i, r), vi_ = vload_n(v + i, r);
    adam_step(&t, vload_n(g + i, r), &pi, &mi, &vi_);
    vstore_n(p + i, pi, r), vstore_n(m + i, mi, r), vstore_n(v + i, vi_, r);
  }
}

typedef struct sgd_terms {
  vf lr, momentum, l2, scale;
  bool nesterov, first;
} sgd_terms;

INLINE void sgd_step(const sgd_terms *t, vf g, vf *p, vf *buf) {
  g = vfma(t->l2, *p, g * t->scale);
  if (buf) {
    *buf = t->first ? g : vfma(t->momentum, *buf, g);
    g = t->nesterov ? vfma(t->momentum, *buf, g) : *buf;
  }
  *p = vfnma(t->lr, g, *p);
}

/* g ← fma(l2, p, g · scale);  buf ← g at the first step, else fma(μ, buf, g);  g ← buf, or fma(μ, buf, g)
 * with Nesterov;  p ← fma(−lr, g, p). */
void PART(sgd)(int64_t n, float lr, float momentum, bool nesterov, bool first, float l2, float grad_scale,
               const float *g, float *p, float *buf) {
  sgd_terms t = {vset(lr), vset(momentum), vset(l2), vset(grad_scale), nesterov, first};
  for (int64_t i = 0; i < n; i += VW) {
    int64_t r = n - i;
    bool whole = r >= VW;
    vf gi = whole ? vload(g + i) : vload_n(g + i, r), pi = whole ? vload(p + i) : vload_n(p + i, r);
    vf bi = vzero();
    if (buf && !first) bi = whole ? vload(buf + i) : vload_n(buf + i, r);
    sgd_step(&t, gi, &pi, buf ? &bi : NULL);
    if (whole) {
      vstore(p + i, pi);
      if (buf) vstore(buf + i, bi);
    } else {
      vstore_n(p + i, pi, r);
      if (buf) vstore_n(buf + i, bi, r);
    }
  }
}

/* p ← p − lr g / d, or with a momentum buf ← fma(μ, buf, g / d), p ← fma(−lr, buf, p). */
INLINE void rmsprop_move(vf lr, vf momentum, vf g, vf d, vf *p, vf *buf) {
  if (!buf) {
    *p = *p - lr * g / d;
    return;
  }
  *buf = vfma(momentum, *buf, g / d);
  *p = vfnma(lr, *buf, *p);
}

/* g ← fma(l2, p, g · scale);  v ← fma(1 − α, g², α v);  then rmsprop_move with d = √v + ε. */
void PART(rmsprop)(int64_t n, float lr, float momentum, float alpha, float epsilon, float l2,
                   float grad_scale, const float *g, float *p, float *buf, float *v) {
  vf rest = vset((float)(1 - (double)alpha));
  for (int64_t i = 0; i < n; i += VW) {
    int64_t r = n - i;
    bool whole = r >= VW;
    vf gi = whole ? vload(g + i) : vload_n(g + i, r), pi = whole ? vload(p + i) : vload_n(p + i, r);
    vf vi_ = whole ? vload(v + i) : vload_n(v + i, r), bi = vzero();
    if (buf) bi = whole ? vload(buf + i) : vload_n(buf + i, r);
    gi = vfma(vset(l2), pi, gi * vset(grad_scale));
    vi_ = vfma(rest, gi * gi, vset(alpha) * vi_);
    rmsprop_move(vset(lr), vset(momentum), gi, vsqrt(vi_) + vset(epsilon), &pi, buf ? &bi : NULL);
    if (whole) {
      vstore(p + i, pi), vstore(v + i, vi_);
      if (buf) vstore(buf + i, bi);
    } else {
      vstore_n(p + i, pi, r), vstore_n(v + i, vi_, r);
      if (buf) vstore_n(buf + i, bi, r);
    }
  }
}

void PART(normalise)(int64_t rows, int64_t n, const float *x, const float *mean, const float *scale,
                     float bound, float *y) {
  for (int64_t r = 0; r < rows; r++, x += n, y += n) {
    int64_t i = 0;
    for (; i + VW <= n; i += VW) {
      vstore(y + i, vclamp((vload(x + i) - vload(mean + i)) * vload(scale + i), -bound, bound));
    }
    if (i < n) {
      int64_t t = n - i;
      vf u = (vload_n(x + i, t) - vload_n(mean + i, t)) * vload_n(scale + i, t);
      vstore_n(y + i, vclamp(u, -bound, bound), t);
    }
  }
}
