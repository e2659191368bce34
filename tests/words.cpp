// The words of the public headers in C++: shapes, axes and lists mean what they mean in C.
#include <wengert/wengert.h>

static int64_t product(wg_shape shape)
{
    int64_t size = 1;
    for (int axis = 0; axis < shape.rank; axis++) size *= shape.dim[axis];
    return size;
}

static uint32_t ids(wg_list list)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < list.count; i++) sum += list.items[i].id;
    return sum;
}

int main()
{
    const wg_tensor a = {nullptr, 3, 0}, b = {nullptr, 4, 0}, none = WG_NONE;
    const wg_axes axes = WG_AXES(0, -1), kept = WG_KEEP(-1), all = WG_ALL;
    const int64_t rows = 2;
    bool right = WG_SHAPE(rows, 3).rank == 2 && product(WG_SHAPE(rows, 3)) == 6 && product(WG_SCALAR) == 1;
    right = right && axes.count == 2 && axes.axis[1] == -1 && !axes.keep;
    right = right && kept.count == 1 && kept.axis[0] == -1 && kept.keep && all.count == -1;
    right = right && ids(WG_LIST(a, b)) == 7 && !none.context && none.id == 0;
    return right ? 0 : 1;
}
