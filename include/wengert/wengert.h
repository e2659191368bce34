/* Wengert: automatic differentiation around a computation graph. This header includes all the others. */
#ifndef WENGERT_WENGERT_H
#define WENGERT_WENGERT_H

#include <wengert/context.h>
#include <wengert/control.h>
#include <wengert/data.h>
#include <wengert/functions.h>
#include <wengert/gradient.h>
#include <wengert/graph.h>
#include <wengert/linear_algebra.h>
#include <wengert/nn.h>
#include <wengert/op.h>
#include <wengert/ops.h>
#include <wengert/optim.h>
#include <wengert/tensor.h>
#include <wengert/types.h>

#endif
