/* The smallest program on the library, built by the tests of installing and of subprojects: exits with 0 if it works.
 */
#include <wengert/wengert.h>

#include <string.h>

int main(void)
{
    wg_context *context = wg_context_new(NULL);
    wg_tensor x = wg_from_f32(context, WG_SHAPE(3), (const float[]){1, 2, 3});
    wg_tensor y = wg_sum(wg_mul(x, x), WG_ALL);
    double value = wg_item(y), slope = wg_item(wg_sum(wg_grad(y, x), WG_ALL));
    printf("wengert %s: %g %g\n", wg_version(), value, slope);
    int status = wg_context_close(context, stderr);
    return status || value != 14 || slope != 12 || strcmp(wg_version(), WENGERT_EXPECTED_VERSION) != 0;
}
