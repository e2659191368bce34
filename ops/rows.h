/* The op of every row of the two tables: ops_exp, ops_matmul, ... */
#ifndef OPS_ROWS_H
#define OPS_ROWS_H

#include <wengert/op.h>

#define UNARY(name, ...) extern const wg_op ops_##name;
#define BINARY(name, ...) extern const wg_op ops_##name;
#define STRUCTURED(name, ...) extern const wg_op ops_##name;
#include "ops/elementwise.def"
#include "ops/structured.def"
#undef UNARY
#undef BINARY
#undef STRUCTURED

#endif
