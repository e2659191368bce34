#include "tests/fuzz/ways.h"

#include "engine/chains/chain.h"
#include "engine/limits.h"

#include <stdlib.h>

const char *choose_limits(uint64_t seed)
{
    static const plan_limits fine = {.chunk = TOTAL_BLOCK, .shared_work = 0},
                             less_fine = {.chunk = 2 * TOTAL_BLOCK, .shared_work = 8 * TOTAL_BLOCK};
    static plan_limits usual;
    if (!usual.chunk) usual = plan_limits_now;
    plan_limits_now = seed % 2 == 0 ? usual : seed % 4 == 1 ? fine : less_fine;
    return seed % 2 == 0 ? "cut as usual" : seed % 4 == 1 ? "cut finely" : "cut less finely";
}

const char *choose_chains(uint64_t seed)
{
    static const struct {
        chains_width width;
        const char *name;
    } ways[] = {{CHAINS_UNDECIDED, "compiled or not as usual"},
                {CHAINS_UNDECIDED, "compiled or not as usual"},
                {CHAINS_NARROW, "compiled for narrow vectors"},
                {CHAINS_NONE, "not compiled"}};
    uint64_t way = getenv("WG_COMPILE") ? 0 : seed / 4 % 4;
    if (!chains_choose(ways[way].width)) chains_choose(ways[way = 0].width);
    return ways[way].name;
}

bool choose_precise(uint64_t seed)
{
    return seed / 16 % 4 == 0;
}
