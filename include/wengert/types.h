/* The values that every other header speaks of: handles, shapes, lists, element types, status codes. */
#ifndef WENGERT_TYPES_H
#define WENGERT_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#if defined(_WIN32)
#define WG_API
#elif defined(WG_BUILDING)
/* Never inlined, so that the return address of a public function lies in the program that called it. */
#define WG_API __attribute__((visibility("default"), noinline))
#else
#define WG_API
#endif

#if defined(__GNUC__)
#define WG_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define WG_PRINTF(text, first)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* A context owns everything that is made from it: the tape, the parameters, the values. One thread at a time uses it.
 */
typedef struct wg_context wg_context;

/* A tensor is a small value handle, passed and copied freely and never released. The handle of a recorded tensor is
   stale after wg_clear, or after the wg_rewind that drops it; using a stale handle is a reported error. The handle of a
   parameter or variable lives as long as its context and always means the current value. */
typedef struct {
    wg_context *context;
    uint32_t id, epoch;
} wg_tensor;

enum { WG_MAX_RANK = 8 };

/* The lengths of a tensor's axes, outermost first. Rank 0 is a single number; a length may be 0. */
typedef struct {
    int rank;
    int64_t dim[WG_MAX_RANK];
} wg_shape;

/* A list of tensors. The array is only read during the call it is given to. */
typedef struct {
    size_t count;
    const wg_tensor *items;
} wg_list;

/* Which axes a function works on; negative ones count from the end. A count of -1 means all axes.
   `keep` leaves a reduced axis in place with length 1. */
typedef struct {
    int8_t count;
    bool keep;
    int8_t axis[WG_MAX_RANK];
} wg_axes;

/* How the windows of a convolution lie along each of up to three spatial axes. Zero is the default. */
typedef struct {
    int64_t stride[3];   /* from one window to the next. Default: 1 */
    int64_t dilation[3]; /* from one element of a window to the next. Default: 1 */
    int64_t low[3];      /* zeros before each axis, */
    int64_t high[3];     /* and after it */
    bool same;           /* instead: zeros such that there are ceil(length / stride) windows, an odd one after */
    int64_t groups;      /* into which channels are divided: each is convolved for itself. Default: 1 */
} wg_conv_window;

/* Element types. WG_DEFAULT stands for the context's own default. Types never mix silently: see wg_cast.
   bool is one byte, 0 or 1; u8 is storage that can only be cast. */
typedef enum { WG_DEFAULT, WG_F32, WG_F64, WG_I32, WG_I64, WG_BOOL, WG_U8, WG_TYPES } wg_type;

/* Windows that move over the spatial axes of [examples, channels, spatial axes...], 1 to 3 of them, in their order. */
typedef struct {
    int64_t size[3];         /* elements of a window along each axis, 1 at least: there is no default */
    int64_t stride[3];       /* from one window to the next; 0: the size */
    int64_t low[3], high[3]; /* padding before and behind; default 0 */
    int64_t dilation[3];     /* distance of a window's elements; 0: 1 */
    bool ceil_mode;     /* windows that reach beyond the end count, if they begin before it; default: they do not */
    bool count_padding; /* averages divide by a window's elements in the padding, too; default: by those inside */
} wg_pool_options;

/* What wg_pad_with puts beside x = a b c d. */
typedef enum {
    WG_PAD_CONSTANT,  /* one number:             v v | a b c d | v v */
    WG_PAD_REFLECT,   /* x mirrored at its ends: c b | a b c d | c b */
    WG_PAD_REPLICATE, /* its ends repeated:      a a | a b c d | d d */
    WG_PAD_CIRCULAR   /* x over again:           c d | a b c d | a b */
} wg_pad_mode;

/* Read while recording by layers that behave differently in training, such as dropout. */
typedef enum { WG_TRAIN, WG_EVAL } wg_mode;

/* A function of one tensor that records ops, with what else it needs: f.call(f.user, x). */
typedef struct {
    wg_tensor (*call)(const void *user, wg_tensor x);
    const void *user;
} wg_function;

/* Which triangle wg_triangular_solve reads, and how: a sum of these. 0: the lower one, as it stands, with its diagonal.
 */
enum { WG_UPPER = 1, WG_TRANSPOSED = 2, WG_UNIT_DIAGONAL = 4 };

/* What went wrong. The text of wg_error says it in words. */
typedef enum {
    WG_OK,
    WG_BAD_ARGUMENT,  /* a value outside what the function accepts */
    WG_BAD_SHAPE,     /* shapes that do not fit together */
    WG_BAD_TYPE,      /* element types that do not fit together */
    WG_BAD_HANDLE,    /* a stale or zero handle, or one of another context */
    WG_NO_GRADIENT,   /* a derivative that does not exist */
    WG_OVERWRITTEN,   /* a value whose parameter has been assigned since */
    WG_NOT_FINITE,    /* a NaN or an infinity, in checked mode */
    WG_OUT_OF_MEMORY, /* the allocator gave nothing, or the context's memory limit is reached */
    WG_IO,            /* a file that cannot be opened, read or written */
    WG_BAD_FILE,      /* a file whose content is not what its format says */
    WG_UNSUPPORTED    /* something this build leaves out */
} wg_status;

/* The name of an element type, "f32" say; "?" for anything else. */
WG_API const char *wg_type_name(wg_type type);
/* The bytes of one element; 0 for WG_DEFAULT and anything unknown. */
WG_API size_t wg_type_size(wg_type type);
/* The number of elements of a shape: the product of its lengths, 1 at rank 0. */
WG_API int64_t wg_shape_size(wg_shape shape);
/* Whether two shapes have the same rank and the same lengths. */
WG_API bool wg_shape_equal(wg_shape a, wg_shape b);

#ifdef __cplusplus
}
#endif

/* WG_END as the end of a slice: up to and with the last element. */
#define WG_END INT64_MAX
/* A true zero in an option whose zero value means "the default": so small that nothing computed with it differs. */
#define WG_ZERO 1e-300

#ifndef __cplusplus

/* WG_SHAPE(2, 3): a shape of rank 2. WG_AXES(0, -1): two axes. WG_KEEP(-1): one axis, kept with length 1.
   WG_ALL: all axes. WG_LIST(a, b): a list of two tensors. WG_NONE: no tensor, where one is optional. */
#define WG_SHAPE(...) ((wg_shape){(int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), {__VA_ARGS__}})
#define WG_SCALAR ((wg_shape){0, {0}})
#define WG_AXES(...) ((wg_axes){(int8_t)sizeof((const int8_t[]){__VA_ARGS__}), false, {__VA_ARGS__}})
#define WG_KEEP(...) ((wg_axes){(int8_t)sizeof((const int8_t[]){__VA_ARGS__}), true, {__VA_ARGS__}})
#define WG_ALL ((wg_axes){-1, false, {0}})
#define WG_LIST(...) \
    ((wg_list){sizeof((const wg_tensor[]){__VA_ARGS__}) / sizeof(wg_tensor), (const wg_tensor[]){__VA_ARGS__}})
#define WG_NONE ((wg_tensor){NULL, 0, 0})

#else

/* The same words in C++, where compound literals do not exist. A WG_LIST lives until the end of its full expression. */
template <typename... Lengths> inline wg_shape wg_make_shape(Lengths... lengths)
{
    return wg_shape{static_cast<int>(sizeof...(lengths)), {static_cast<int64_t>(lengths)...}};
}

/* One axis, narrowed to its type. */
template <typename Axis> inline int8_t wg_make_axis(Axis axis)
{
    return axis < -128 || axis > 127 ? 127 : static_cast<int8_t>(axis); /* 127 is no axis of anything: an error later */
}

/* WG_AXES and WG_KEEP. */
template <typename... Axes> inline wg_axes wg_make_axes(bool keep, Axes... axes)
{
    return wg_axes{static_cast<int8_t>(sizeof...(axes)), keep, {wg_make_axis(axes)...}};
}

/* The tensors of a WG_LIST, and the list of them. */
template <size_t count> struct wg_list_holder {
    wg_tensor items[count];
    /* The list of them, which lives as long as they do. */
    operator wg_list() const
    {
        return wg_list{count, items};
    }
};

/* WG_LIST. */
template <typename... Tensors> inline wg_list_holder<sizeof...(Tensors)> wg_make_list(Tensors... tensors)
{
    return wg_list_holder<sizeof...(Tensors)>{{tensors...}};
}

#define WG_SHAPE(...) wg_make_shape(__VA_ARGS__)
#define WG_SCALAR (wg_shape{0, {}})
#define WG_AXES(...) wg_make_axes(false, __VA_ARGS__)
#define WG_KEEP(...) wg_make_axes(true, __VA_ARGS__)
#define WG_ALL (wg_axes{-1, false, {}})
#define WG_LIST(...) wg_make_list(__VA_ARGS__)
#define WG_NONE (wg_tensor{nullptr, 0, 0})

#endif

#endif
