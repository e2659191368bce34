/* See the source. */
#ifndef ENGINE_INPLACE_H
#define ENGINE_INPLACE_H

#include "engine/storage.h"

/* Fills in_place, after storage_assign. */
bool storage_in_place(storage *m, const schedule *s, bump *b);

#endif
