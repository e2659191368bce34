/* In which of its ways the engine is to work, by a recipe's seed. Each is told in words. */
#ifndef FUZZ_WAYS_H
#define FUZZ_WAYS_H

#include <stdbool.h>
#include <stdint.h>

/* Half of the recipes are cut finely, so that small graphs keep several threads busy; some of them only where there is
   work enough. */
const char *choose_limits(uint64_t seed);
/* Element-wise instructions are compiled as the machine can do best, less well, or not at all; if the environment's
   WG_COMPILE says something, as that says. */
const char *choose_chains(uint64_t seed);
/* The option `precise`, which a quarter of the recipes has. */
bool choose_precise(uint64_t seed);

#endif
