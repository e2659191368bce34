/* Only the generator of libxsmm is used, not its run time: that would leave a file in /tmp, an open descriptor, two
   functions for exit (which close standard input), and obey a dozen variables of the environment. The generator writes
   code into memory that it is given. Each piece gets pages of its own. */
#include "engine/product_code.h"

#include "base/executable.h"

#include <libxsmm_cpuid.h>
#include <libxsmm_generator.h>
#include <pthread.h>
#include <string.h>

/* CODE_ROOM: what libxsmm allows for one kernel; they take 1 to 4 KB. */
enum { CAPACITY = 4096, BUCKETS = 1024, CODE_ROOM = 131072 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static unsigned architecture; /* of libxsmm's; 0: nothing that is worth it */

static product_code entries[CAPACITY]; /* pages never touched cost nothing */
static product_code *buckets[BUCKETS], *vacant;

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&lock);
}

static void prepare(void)
{
    for (int i = CAPACITY; i-- > 0;) {
        entries[i].next = vacant;
        vacant = &entries[i];
    }
    pthread_atfork(before_fork, after_fork, after_fork);
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return;
    bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    architecture = wide ? LIBXSMM_X86_AVX512_CORE : LIBXSMM_X86_AVX2;
}

bool product_code_usable(void)
{
    pthread_once(&once, prepare);
    return architecture != 0;
}

int64_t product_code_lanes(wg_type type)
{
    int64_t bytes = product_code_usable() && architecture == LIBXSMM_X86_AVX512_CORE ? 64 : 32;
    return bytes / (type == WG_F32 ? 4 : 8);
}

/* The generator computes distances in 32 bits, and checks them not. */
static bool describable(const product_block *b)
{
    int64_t size = b->type == WG_F32 ? 4 : 8, left_rows = b->left_transposed ? b->depth : b->rows;
    int64_t longest = INT32_MAX / size;
    return b->columns <= longest && b->left_step <= longest / left_rows && b->right_step <= longest / b->depth &&
           b->out_step <= longest / b->rows;
}

/* Matrices of libxsmm lie column by column, so it sees all of ours transposed, and right before left. Returns the bytes
   of code, 0 after an error. */
static size_t generate(const product_block *b, void *memory)
{
    int flags = b->left_transposed ? LIBXSMM_GEMM_FLAG_TRANS_B : LIBXSMM_GEMM_FLAG_NONE;
    libxsmm_descriptor_blob blob;
    libxsmm_gemm_descriptor *descriptor =
        b->type == WG_F32 ? libxsmm_sgemm_descriptor_init(&blob, (int)b->columns, (int)b->rows, (int)b->depth,
                                                          (int)b->right_step, (int)b->left_step, (int)b->out_step, 1,
                                                          b->accumulate ? 1 : 0, flags, LIBXSMM_GEMM_PREFETCH_NONE)
                          : libxsmm_dgemm_descriptor_init(&blob, (int)b->columns, (int)b->rows, (int)b->depth,
                                                          (int)b->right_step, (int)b->left_step, (int)b->out_step, 1,
                                                          b->accumulate ? 1 : 0, flags, LIBXSMM_GEMM_PREFETCH_NONE);
    libxsmm_generated_code code = {
        .generated_code = memory, .buffer_size = CODE_ROOM, .code_type = 2, .arch = architecture};
    if (!descriptor) return 0;
    libxsmm_generator_gemm_kernel(&code, descriptor);
    return code.last_error ? 0 : code.code_size;
}

static bool make(product_code *code, const product_block *block)
{
    if (!describable(block)) return false;
    void *memory = executable_new(CODE_ROOM);
    if (!memory) return false;
    code->block = *block;
    code->bytes = executable_seal(memory, CODE_ROOM, generate(block, memory));
    memcpy(&code->run, &memory, sizeof memory); /* C has no conversion of data to code */
    return code->bytes > 0;
}

static void make_vacant(product_code *code)
{
    code->next = vacant;
    vacant = code;
}

/* Gives back all code that nobody uses. */
static void sweep(void)
{
    for (int i = 0; i < BUCKETS; i++)
        for (product_code **link = &buckets[i]; *link;) {
            product_code *code = *link;
            if (code->users) {
                link = &code->next;
                continue;
            }
            void *memory;
            memcpy(&memory, &code->run, sizeof memory);
            executable_free(memory, code->bytes);
            *link = code->next;
            make_vacant(code);
        }
}

static bool same(const product_block *a, const product_block *b)
{
    return a->rows == b->rows && a->columns == b->columns && a->depth == b->depth && a->left_step == b->left_step &&
           a->right_step == b->right_step && a->out_step == b->out_step && a->type == b->type &&
           a->left_transposed == b->left_transposed && a->accumulate == b->accumulate;
}

static product_code **bucket_of(const product_block *b)
{
    const int64_t parts[] = {b->rows,     b->columns, b->depth,           b->left_step, b->right_step,
                             b->out_step, b->type,    b->left_transposed, b->accumulate};
    uint64_t hash = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        hash = (hash ^ (uint64_t)parts[i]) * UINT64_C(0x9e3779b97f4a7c15);
    return &buckets[(hash >> 32) % BUCKETS];
}

static product_code *find_or_make(const product_block *block)
{
    product_code **bucket = bucket_of(block), *code = *bucket;
    while (code && !same(&code->block, block)) code = code->next;
    if (code) return code;
    if (!vacant) sweep();
    if (!vacant || !make(vacant, block)) return NULL;
    code = vacant;
    vacant = code->next;
    code->next = *bucket;
    return *bucket = code;
}

product_code *product_code_get(const product_block *block)
{
    if (!product_code_usable()) return NULL;
    pthread_mutex_lock(&lock);
    product_code *code = find_or_make(block);
    if (code) code->users++;
    pthread_mutex_unlock(&lock);
    return code;
}

void product_code_drop(product_code *code)
{
    if (!code) return;
    pthread_mutex_lock(&lock);
    code->users--;
    pthread_mutex_unlock(&lock);
}

/* Code that finds the upper halves of vector registers in use is slow on some processors. */
__attribute__((target("avx"))) void product_code_leave(void)
{
    __builtin_ia32_vzeroupper();
}
