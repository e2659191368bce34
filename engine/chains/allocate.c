/* Registers of a chain: values take them one after the other, each until it is read for the last time; what is left
   goes to constants. Sums keep theirs through the whole row. */
#include "engine/chains/chain.h"

/* The last two vector registers are for what one statement needs for itself; with AVX2 the one before them says which
   lanes a row's last vector has. Masks have registers of their own with AVX-512: the first means no mask, the second is
   that of the row's last vector, the third for what one statement needs. */
enum { WIDE_REGISTERS = 30, NARROW_REGISTERS = 13, MASK_REGISTERS = 8, FIRST_MASK = 3 };

static void find_last_uses(chain *c)
{
    for (int i = 0; i < c->count; i++) {
        statement *s = &c->statements[i];
        s->last = (int16_t)i;
        for (int k = 0; k < 3; k++) {
            if (s->in[k] >= 0 && s->in[k] < i)
                c->statements[s->in[k]].last = (int16_t)i;
            else if (s->in[k] < 0)
                c->constants[~s->in[k]].uses++;
        }
    }
}

static int take(uint32_t *taken, int first, int end)
{
    for (int reg = first; reg < end; reg++)
        if (!(*taken >> reg & 1)) {
            *taken |= 1u << reg;
            return reg;
        }
    return NO_REGISTER;
}

bool chain_allocate(chain *c)
{
    uint32_t taken[2] = {0, 0}, ever = 0; /* of vectors, of masks */
    int most = c->wide ? WIDE_REGISTERS : NARROW_REGISTERS;
    find_last_uses(c);
    for (int i = 0; i < c->sum_count; i++) {
        int first = take(&taken[0], 0, most), second = take(&taken[0], 0, most);
        if (first < 0 || second < 0) return false;
        c->sums[i].reg = (int8_t)first; /* neighbours: nothing was given back yet */
    }
    ever = taken[0];
    for (int i = 0; i < c->count; i++) {
        statement *s = &c->statements[i];
        for (int k = 0; k < 3; k++) {
            const statement *from = s->in[k] >= 0 && s->in[k] < i ? &c->statements[s->in[k]] : NULL;
            if (!from || from->last != i) continue;
            taken[c->wide && gives_mask(from->action)] &= ~(1u << from->reg);
        }
        if (!gives_value(s->action)) continue;
        bool mask = c->wide && gives_mask(s->action);
        int reg = mask ? take(&taken[1], FIRST_MASK, MASK_REGISTERS) : take(&taken[0], 0, most);
        if (reg < 0) return false;
        s->reg = (int8_t)reg;
        if (!mask) ever |= taken[0];
        if (s->last == i) taken[mask] &= ~(1u << reg);
    }
    for (int i = 0; i < c->constant_count; i++) c->constants[i].reg = (int8_t)take(&ever, 0, most);
    return true;
}
