/* What is the largest or the smallest of several elements. */
#ifndef OPS_EXTREME_H
#define OPS_EXTREME_H

/* Whether x takes the place of `best`, being beyond it; the first NaN stays. */
#define BEYOND(x, best, comparison) ((x)comparison(best) || ((x) != (x) && (best) == (best)))

#endif
