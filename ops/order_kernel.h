/* Sorting the places of one row by its elements of type T, function names begin with NAME: included once for each type.

   Elements that are equal come in the order of their places, so that no two places are alike: any way of sorting gives
   the one stable order. It happens in the output itself, as kernels have no memory beside it. All places: quicksort, by
   heap where it goes badly; the first few: a heap of the best so far, the last of them on top. */

typedef struct NAME(row) {
    const T *in;
    int64_t in_step;
    int64_t *out; /* places */
    int64_t out_step;
    bool descending;
} NAME(row);

/* Whether place a comes before place b. */
static inline bool NAME(before)(const NAME(row) * r, int64_t a, int64_t b)
{
    T x = r->in[a * r->in_step], y = r->in[b * r->in_step];
    bool x_first = r->descending ? BEYOND(x, y, >) : BEYOND(y, x, >);
    bool y_first = r->descending ? BEYOND(y, x, >) : BEYOND(x, y, >);
    return x_first || (!y_first && a < b);
}

static inline int64_t *NAME(at)(const NAME(row) * r, int64_t i)
{
    return &r->out[i * r->out_step];
}

static inline void NAME(swap)(const NAME(row) * r, int64_t i, int64_t j)
{
    int64_t place = *NAME(at)(r, i);
    *NAME(at)(r, i) = *NAME(at)(r, j);
    *NAME(at)(r, j) = place;
}

/* ---- heaps: of `count` places from `first` on, none comes after its parent ---- */

/* Puts a place where it belongs, at `i` or below. */
static void NAME(sink)(const NAME(row) * r, int64_t first, int64_t count, int64_t i, int64_t place)
{
    for (int64_t child; (child = 2 * i + 1) < count; i = child) {
        if (child + 1 < count && NAME(before)(r, *NAME(at)(r, first + child), *NAME(at)(r, first + child + 1))) child++;
        int64_t larger = *NAME(at)(r, first + child);
        if (NAME(before)(r, larger, place)) break;
        *NAME(at)(r, first + i) = larger;
    }
    *NAME(at)(r, first + i) = place;
}

static void NAME(heap_make)(const NAME(row) * r, int64_t first, int64_t count)
{
    for (int64_t i = count / 2; i-- > 0;) NAME(sink)(r, first, count, i, *NAME(at)(r, first + i));
}

static void NAME(heap_sort)(const NAME(row) * r, int64_t first, int64_t count)
{
    for (int64_t left = count - 1; left > 0; left--) {
        int64_t last = *NAME(at)(r, first + left);
        *NAME(at)(r, first + left) = *NAME(at)(r, first);
        NAME(sink)(r, first, left, 0, last);
    }
}

static void NAME(select)(const NAME(row) * r, int64_t length, int64_t count)
{
    for (int64_t i = 0; i < count; i++) *NAME(at)(r, i) = i;
    NAME(heap_make)(r, 0, count);
    for (int64_t i = count; i < length; i++)
        if (NAME(before)(r, i, *r->out)) NAME(sink)(r, 0, count, 0, i);
    NAME(heap_sort)(r, 0, count);
}

/* ---- all places ---- */

static void NAME(insertion_sort)(const NAME(row) * r, int64_t first, int64_t count)
{
    for (int64_t i = 1; i < count; i++) {
        int64_t place = *NAME(at)(r, first + i), k = i;
        for (; k > 0 && NAME(before)(r, place, *NAME(at)(r, first + k - 1)); k--)
            *NAME(at)(r, first + k) = *NAME(at)(r, first + k - 1);
        *NAME(at)(r, first + k) = place;
    }
}

/* The median of the first, the middle and the last one, which come into order. */
static int64_t NAME(pivot)(const NAME(row) * r, int64_t first, int64_t count)
{
    int64_t middle = first + count / 2, last = first + count - 1;
    if (NAME(before)(r, *NAME(at)(r, middle), *NAME(at)(r, first))) NAME(swap)(r, first, middle);
    if (NAME(before)(r, *NAME(at)(r, last), *NAME(at)(r, middle))) NAME(swap)(r, middle, last);
    if (NAME(before)(r, *NAME(at)(r, middle), *NAME(at)(r, first))) NAME(swap)(r, first, middle);
    return *NAME(at)(r, middle);
}

/* How many come before the pivot or are it: none of those that follow comes before one of them. */
static int64_t NAME(part)(const NAME(row) * r, int64_t first, int64_t count)
{
    int64_t pivot = NAME(pivot)(r, first, count), low = first, high = first + count - 1;
    for (;;) {
        while (NAME(before)(r, *NAME(at)(r, low), pivot)) low++;
        while (NAME(before)(r, pivot, *NAME(at)(r, high))) high--;
        if (low >= high) return high + 1 - first;
        NAME(swap)(r, low++, high--);
    }
}

/* The larger part goes on here, so that no more than log2(count) calls lie inside one another. */
static void NAME(sort)(const NAME(row) * r, int64_t first, int64_t count, int depth)
{
    while (count > FEW_PLACES) {
        if (depth-- == 0) {
            NAME(heap_make)(r, first, count);
            NAME(heap_sort)(r, first, count);
            return;
        }
        int64_t low = NAME(part)(r, first, count), high = count - low;
        if (low < high) {
            NAME(sort)(r, first, low, depth);
            first += low;
            count = high;
        } else {
            NAME(sort)(r, first + low, high, depth);
            count = low;
        }
    }
    NAME(insertion_sort)(r, first, count);
}

/* ---- the kernel ---- */

static void NAME(argsort)(const wg_call *call)
{
    const int64_t *a = call->attributes->integer;
    shape_split s = shape_around(&call->inputs[0].shape, (int)a[0]);
    int64_t count = a[2], lines = s.outer * s.inner;
    for (int64_t i = 0; count && i < lines; i++) {
        int64_t o = i / s.inner, k = i % s.inner;
        const NAME(row) r = {(const T *)call->inputs[0].data + o * s.length * s.inner + k, s.inner,
                             (int64_t *)call->output->data + o * count * s.inner + k, s.inner, a[1] != 0};
        if (count < s.length) {
            NAME(select)(&r, s.length, count);
            continue;
        }
        for (int64_t place = 0; place < count; place++) *NAME(at)(&r, place) = place;
        NAME(sort)(&r, 0, count, deepest(count));
    }
}

#undef T
#undef NAME
