/* Numbers that repeat: the same seed gives the same recipe and the same values on every machine. */
#include "tests/fuzz/recipe.h"

#include <float.h>
#include <math.h>

/* splitmix64 (Steele, Lea and Flood 2014): any seed will do, 0 and neighbours too. */
uint64_t chance_bits(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

int chance_below(uint64_t *state, int count)
{
    return (int)(chance_bits(state) % (uint64_t)count);
}

double chance_uniform(uint64_t *state)
{
    return (double)(chance_bits(state) >> 11) * 0x1p-53;
}

bool chance_of(uint64_t *state, double probability)
{
    return chance_uniform(state) < probability;
}

/* What arithmetic finds hard. */
static double wild_value(uint64_t *state, wg_type type)
{
    bool narrow = type == WG_F32;
    const double hard[] = {0,
                           -0.0,
                           INFINITY,
                           -INFINITY,
                           NAN,
                           narrow ? (double)FLT_MIN / 8 : DBL_MIN / 8,
                           narrow ? -(double)FLT_MIN / 1024 : -DBL_MIN / 1024,
                           narrow ? 1e30 : 1e200,
                           -1e-20,
                           1};
    return hard[chance_below(state, sizeof hard / sizeof *hard)];
}

static double float_value(uint64_t *state, value_style style, wg_type type)
{
    double u = chance_uniform(state);
    switch (style) {
    case POSITIVE:
        return 0.1 + 3.9 * u;
    case TIES:
        return floor(7 * u) / 2 - 1.5;
    case WILD:
        return u < 0.25 ? wild_value(state, type) : 8 * u - 5;
    default:
        return u < 0.02 ? -0.0 : 4 * u - 2;
    }
}

void chance_values(const instruction *leaf, int step, void *values)
{
    uint64_t state = leaf->values + (leaf->varies ? (uint64_t)step * 0x1234567 : 0);
    int64_t size = wg_shape_size(leaf->shape), low = leaf->integer[0], range = leaf->integer[1] - low + 1;
    for (int64_t i = 0; i < size; i++) {
        int64_t whole = range > 0 ? low + (int64_t)(chance_bits(&state) % (uint64_t)range) : 0;
        switch (leaf->type) {
        case WG_F32:
            ((float *)values)[i] = (float)float_value(&state, leaf->style, WG_F32);
            break;
        case WG_F64:
            ((double *)values)[i] = float_value(&state, leaf->style, WG_F64);
            break;
        case WG_I32:
            ((int32_t *)values)[i] = (int32_t)whole;
            break;
        case WG_I64:
            ((int64_t *)values)[i] = whole;
            break;
        case WG_BOOL:
            ((bool *)values)[i] = whole & 1;
            break;
        default:
            ((uint8_t *)values)[i] = (uint8_t)whole;
            break;
        }
    }
}

double chance_scalar(const instruction *item, int step)
{
    return item->varies ? item->scalar + step : item->scalar;
}

instruction chance_initial(const lasting *p)
{
    instruction_kind kind = p->type == WG_BOOL ? LEAF : BORROW;
    return (instruction){.kind = kind, .type = p->type, .shape = p->shape, .values = p->values, .integer = {-3, 3}};
}
