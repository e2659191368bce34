/* Making tensors, keeping them, and reading their values. */
#ifndef WENGERT_TENSOR_H
#define WENGERT_TENSOR_H

#include <wengert/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- making ---- */

/* A single number of the context's default type, rank 0. The value is bound late: another one makes no new plan. */
WG_API wg_tensor wg_scalar(wg_context *context, double value);
/* Tensors filled with one value, of the context's default type or of a given one. */
WG_API wg_tensor wg_zeros(wg_context *context, wg_shape shape);
WG_API wg_tensor wg_ones(wg_context *context, wg_shape shape);
WG_API wg_tensor wg_full_typed(wg_context *context, wg_type type, wg_shape shape, double value);
/* Tensors of the shape and type of another one. */
WG_API wg_tensor wg_zeros_like(wg_tensor x);
WG_API wg_tensor wg_full_like(wg_tensor x, double value);
/* low, ..., high in `count` even steps, both ends included: [count], default type. */
WG_API wg_tensor wg_linspace(wg_context *context, double low, double high, int64_t count);

/* Tensors of given values, row-major; copied at once. _f32 and _f64 give the context's default type,
   converted if need be, so that the same model text is f32 or f64; the others keep their own. */
WG_API wg_tensor wg_from_f32(wg_context *context, wg_shape shape, const float *values);
WG_API wg_tensor wg_from_f64(wg_context *context, wg_shape shape, const double *values);
WG_API wg_tensor wg_from_i32(wg_context *context, wg_shape shape, const int32_t *values);
WG_API wg_tensor wg_from_i64(wg_context *context, wg_shape shape, const int64_t *values);
WG_API wg_tensor wg_from_bool(wg_context *context, wg_shape shape, const bool *values);
WG_API wg_tensor wg_from_u8(wg_context *context, wg_shape shape, const uint8_t *values);
/* The same without a copy: the values must stay as they are until wg_clear, or the wg_rewind that drops the tensor.
   The element type is the pointer's. */
WG_API wg_tensor wg_borrow_f32(wg_context *context, wg_shape shape, const float *values);
WG_API wg_tensor wg_borrow_f64(wg_context *context, wg_shape shape, const double *values);
WG_API wg_tensor wg_borrow_i32(wg_context *context, wg_shape shape, const int32_t *values);
WG_API wg_tensor wg_borrow_i64(wg_context *context, wg_shape shape, const int64_t *values);
WG_API wg_tensor wg_borrow_u8(wg_context *context, wg_shape shape, const uint8_t *values);

/* ---- lasting ---- */

/* How a parameter begins. Make one with the functions below. */
typedef struct {
    int kind;
    double a, b;
} wg_init;

/* One value everywhere, or evenly distributed between two. */
WG_API wg_init wg_init_zeros(void);
WG_API wg_init wg_init_constant(double value);
WG_API wg_init wg_init_uniform(double low, double high);
/* Normal with mean 0 and the given standard deviation. */
WG_API wg_init wg_init_normal(double deviation);
/* Glorot and Bengio 2010: uniform in +-gain sqrt(6 / (n_in + n_out)), or normal with variance gain^2 2 / (n_in +
   n_out). A weight is [outputs, inputs, ...]; trailing axes multiply both fans. A gain of 0 means 1. */
WG_API wg_init wg_init_xavier_uniform(double gain);
WG_API wg_init wg_init_xavier_normal(double gain);
/* He et al. 2015, by n_in: uniform in +-gain sqrt(3 / n_in), or normal with variance gain^2 / n_in.
   A gain of 0 means sqrt(2), right for relu. */
WG_API wg_init wg_init_he_uniform(double gain);
WG_API wg_init wg_init_he_normal(double gain);

/* A trainable tensor of the context's default type, named by the scopes that are open and `name`; a second one of that
   name is an error. If the context has weights with this name, the parameter aliases them and is frozen. */
WG_API wg_tensor wg_parameter(wg_context *context, const char *name, wg_shape shape, wg_init init);
/* A lasting tensor that no optimiser touches; its initial value is computed at once. */
WG_API wg_tensor wg_variable(wg_context *context, const char *name, wg_tensor initial);
/* Rebinds a parameter or variable: what is recorded from now on sees the new value, what was recorded before keeps the
   old one. Performed by the next evaluation or wg_clear. Shape and type must be those of the persistent tensor. No
   gradient passes an assign, as none passes wg_clear. */
WG_API void wg_assign(wg_tensor persistent, wg_tensor value);

/* Patterns select parameters by name: globs separated by spaces, * matching any text, / too; ! removes what matches, so
   that "* !head*" and "!head*" are all but the head. NULL is "*". A pattern that matches nothing is an error. */

/* The trainable parameters that match, frozen ones excepted, in the order they were made; valid until the next call. */
WG_API wg_list wg_parameters(wg_context *context, const char *pattern);
/* Freezes or unfreezes parameters: optimisers leave frozen ones alone. The number of those that match. */
WG_API int wg_freeze(wg_context *context, const char *pattern);
WG_API int wg_unfreeze(wg_context *context, const char *pattern);
/* The full name of a parameter or variable; NULL for any other tensor. */
WG_API const char *wg_name(wg_tensor persistent);

/* ---- reading ---- */

/* Computes the tensors, and performs all pending assigns, in one evaluation. */
WG_API bool wg_eval(wg_list tensors);
/* The value of a tensor of one element, of any type; NAN after an error. */
WG_API double wg_item(wg_tensor x);
/* Copies the values out, row-major; `count` must be the tensor's size. The f32 and f64 forms convert between each
   other; the others need the exact type. */
WG_API bool wg_read_f32(wg_tensor x, float *values, size_t count);
WG_API bool wg_read_f64(wg_tensor x, double *values, size_t count);
WG_API bool wg_read_i32(wg_tensor x, int32_t *values, size_t count);
WG_API bool wg_read_i64(wg_tensor x, int64_t *values, size_t count);
WG_API bool wg_read_bool(wg_tensor x, bool *values, size_t count);
WG_API bool wg_read_u8(wg_tensor x, uint8_t *values, size_t count);
/* The values where they lie, valid until wg_clear or the wg_rewind that drops what was recorded by this
   call; the type must be exact. NULL after an error. */
WG_API const float *wg_values_f32(wg_tensor x);
WG_API const double *wg_values_f64(wg_tensor x);
WG_API const int32_t *wg_values_i32(wg_tensor x);
WG_API const int64_t *wg_values_i64(wg_tensor x);
/* Prints shape, type and values, the middle of long axes left out. A NULL label prints none. */
WG_API bool wg_print(wg_tensor x, FILE *file, const char *label);

/* Shape, type, one length (negative axes count from the end), number of elements. Of a poisoned tensor: rank 0,
   WG_DEFAULT, 0, 0. */
WG_API wg_shape wg_shape_of(wg_tensor x);
WG_API wg_type wg_type_of(wg_tensor x);
WG_API int64_t wg_dim(wg_tensor x, int axis);
WG_API int64_t wg_size(wg_tensor x);

#ifdef __cplusplus
}
#endif

#endif
