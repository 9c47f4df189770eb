// Two power laws with offsets under the noise of shared machines. See simulation.h.
#include "simulation.h"
#include <math.h>
#include <stdbool.h>

// ---- randomness ---------------------------------------------------------------------------------

uint64_t random_state;

static double uniform(void) { // (0, 1); xorshift64*
  random_state ^= random_state >> 12;
  random_state ^= random_state << 25;
  random_state ^= random_state >> 27;
  return ((double)(random_state * 0x2545F4914F6CDD1Dull >> 11) + 0.5) * 0x1p-53;
}

static double normal(void) {
  static double kept;
  static bool have;
  have = !have;
  if (!have) return kept;
  double r = sqrt(-2 * log(uniform())), angle = 6.283185307179586 * uniform();
  kept = r * sin(angle);
  return r * cos(angle);
}

// ---- noise --------------------------------------------------------------------------------------

const char *const noise_name[NOISES] = {
    [LOG_NORMAL] = "log-normal 5%",     [BIMODAL] = "bimodal 30% x 1.25",
    [DRIFTING] = "drifting 30%",        [OUTLIERS] = "outliers 10% x 5",
    [ONE_BIMODAL] = "one side bimodal", [COARSE] = "coarse timer",
};

static double drift; // logarithm of what both sides share now

// The factor of a sample; its median over many is 1 for either side.
static double factor(enum noise noise, bool side_a) {
  switch (noise) {
  case BIMODAL: // the quantile 0.5 / 0.7 of the fast mode is the median
    return exp(0.02 * (normal() - 0.565949) + (uniform() < 0.3 ? log(1.25) : 0));
  case DRIFTING:
    drift = 0.995 * drift + 0.01 * normal(); // wanders by 10%
    return exp(drift + 0.03 * normal());
  case OUTLIERS: // of 10% that are slower: the quantile 0.5 / 0.9
    return exp(0.03 * (normal() - 0.139710)) * (uniform() < 0.1 ? 5 : 1);
  case ONE_BIMODAL:
    return side_a ? exp(0.05 * normal()) : factor(BIMODAL, side_a);
  default:
    return exp(0.05 * normal());
  }
}

// ---- curves -------------------------------------------------------------------------------------

const char *const curve_name[CURVES] = {"one crossing", "two crossings", "no difference", "never",
                                        "always"};

static double seconds_a(const struct truth *t, double n) {
  return t->a0 + t->a1 * pow(n, t->a_power);
}
static double seconds_b(const struct truth *t, double n) {
  double from_middle = log(n / 128);
  return t->b1 * pow(n, t->b_power) * (1 - t->dip * exp(-2 * from_middle * from_middle));
}

struct truth make_truth(enum curve curve) {
  struct truth t = {.b1 = 1e-10, .b_power = 2.5 + 0.5 * uniform()};
  double crossing = exp(log(24) + log(3000.0 / 24) * uniform()), share = 0.3 * uniform();
  double there = t.b1 * pow(crossing, t.b_power);
  t.a_power = t.b_power - 0.5 * uniform();
  t.a1 = share * there / pow(crossing, t.a_power);
  t.a0 = (1 - share) * there;
  if (curve == DOUBLE_CROSSING) { // A is ahead everywhere but in a dip of B's
    t = (struct truth){.b1 = 1e-10, .b_power = 2.8, .a_power = 2.8};
    t.a1 = t.b1 * (0.6 + 0.3 * uniform());
    t.dip = 0.6;
  }
  if (curve == SAME || curve == NEVER || curve == ALWAYS) {
    t = (struct truth){.b1 = 1e-10, .b_power = 2.8, .a_power = 2.8};
    t.a1 = t.b1 * (curve == SAME ? 1 : curve == NEVER ? 1.1 : 0.9);
  }
  return t;
}

int64_t true_threshold(const struct truth *t) {
  int64_t n = LAST;
  while (n >= FIRST && seconds_a(t, (double)n) < seconds_b(t, (double)n)) n -= STEP;
  return n == LAST ? -1 : n + STEP;
}

// ---- a sweep ------------------------------------------------------------------------------------

static double sample(double median, enum noise noise, bool side_a) {
  double seconds = median * factor(noise, side_a);
  return noise == COARSE ? 1e-6 * ceil(seconds / 1e-6) : seconds;
}

const int64_t family[FAMILY] = {16, 32, 64, 128, 256, 512, 1024, 2048, 4096};

void search(struct threshold *t, const struct truth *truth, enum noise noise, FILE *trace) {
  double a[THRESHOLD_PAIRS], b[THRESHOLD_PAIRS];
  int64_t at;
  int pairs;
  drift = 0.3 * (uniform() - 0.5);
  threshold_start(t, family, FAMILY, false);
  while (threshold_next(t, &at, &pairs)) {
    if (trace) fprintf(trace, "%lldx%d ", (long long)at, pairs);
    double median_a = seconds_a(truth, (double)at), median_b = seconds_b(truth, (double)at);
    for (int i = 0; i < pairs; i++)
      for (int k = 0; k < 2; k++) {
        bool side_a = (i + k) % 2 == 0; // A B, B A
        *(side_a ? &a[i] : &b[i]) = sample(side_a ? median_a : median_b, noise, side_a);
      }
    if (noise == DRIFTING) drift += 0.3 / 16; // from size to size
    threshold_tell(t, at, a, b, pairs);
  }
}
