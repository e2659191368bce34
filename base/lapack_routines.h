/* What base/lapack.c does for one element type: included once for each, with T the type, NAME(f) a function of this
   file and ROUTINE(f) one of LAPACK. LAPACK reads columns where we have rows. */

static int NAME(solve)(const lapack_triangle *s, const T *a, T *b)
{
    blas_enter();
    CBLAS(trsm)
    (CblasRowMajor, CblasLeft, s->upper ? CblasUpper : CblasLower, s->transpose ? CblasTrans : CblasNoTrans,
     s->unit ? CblasUnit : CblasNonUnit, (int)s->n, (int)s->columns, 1, a, (int)s->n, b, (int)s->columns);
    blas_leave();
    return 0;
}

/* Our lower triangle is LAPACK's upper one, and its u of u^T u is our l. */
static int NAME(cholesky)(int64_t rows, T *a)
{
    int n = (int)rows, info = 0;
    blas_enter();
    ROUTINE(potrf)("U", &n, a, &n, &info, 1);
    blas_leave();
    return info;
}

/* Transposes a square matrix in its place, in tiles that the cache holds. */
static void NAME(transpose)(int64_t n, T *a)
{
    for (int64_t top = 0; top < n; top += TILE)
        for (int64_t left = top; left < n; left += TILE)
            for (int64_t i = top; i < n && i < top + TILE; i++)
                for (int64_t j = left > i ? left : i + 1; j < n && j < left + TILE; j++) {
                    T kept = a[i * n + j];
                    a[i * n + j] = a[j * n + i];
                    a[j * n + i] = kept;
                }
}

/* LAPACK exchanges its rows, which are our columns: here nothing helps but to transpose. */
static int NAME(lu)(int64_t rows, T *a, int32_t *pivots)
{
    int n = (int)rows, info = 0;
    NAME(transpose)(rows, a);
    blas_enter();
    ROUTINE(getrf)(&n, &n, a, &n, pivots, &info);
    blas_leave();
    NAME(transpose)(rows, a);
    for (int64_t i = 0; i < rows; i++) pivots[i]--;
    return info;
}

/* The upper triangle of the first rows of `from` with zeros below. */
static void NAME(upper_of)(int64_t rows, int64_t columns, const T *from, T *to)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) to[i * columns + j] = j < i ? 0 : from[i * columns + j];
}

/* a^T = l q' is a = q'^T l^T: what LAPACK leaves by columns is q and r by rows. A tall a is factored in the place of q,
   a wide one in that of r. */
static int NAME(qr)(int64_t m, int64_t n, const T *a, T *q, T *r, T *scratch)
{
    int columns = (int)m, rows = (int)n, k = m < n ? columns : rows, info = 0;
    int work_size = lesser(WORK_BLOCK * n, INT32_MAX);
    bool tall = m >= n;
    T *factors = tall ? q : r, *tau = scratch, *work = scratch + k;
    memcpy(factors, a, (size_t)(m * n) * sizeof *a);
    blas_enter();
    ROUTINE(gelqf)(&rows, &columns, factors, &rows, tau, work, &work_size, &info);
    for (int64_t i = 0; i < m && !tall; i++) memcpy(q + i * m, r + i * n, (size_t)m * sizeof *a);
    NAME(upper_of)(k, n, factors, r);
    if (!info) ROUTINE(orglq)(&k, &columns, &k, q, &k, tau, work, &work_size, &info);
    blas_leave();
    return info;
}

/* a^T = u' s v' is a = v'^T s u'^T, and by columns these are our u and vt by rows. */
static int NAME(svd)(int64_t m, int64_t n, const T *a, T *u, T *s, T *vt, T *scratch)
{
    int columns = (int)m, rows = (int)n, k = m < n ? columns : rows, info = 0;
    int64_t size = m * n, space = svd_work(m, n);
    int work_size = (int)space;
    T *copy = scratch, *work = scratch + size;
    memcpy(copy, a, (size_t)size * sizeof *a);
    blas_enter();
    ROUTINE(gesdd)
    ("S", &rows, &columns, copy, &rows, s, vt, &rows, u, &k, work, &work_size, (int32_t *)(void *)(work + space), &info,
     1);
    blas_leave();
    return info;
}

static int NAME(eigh)(int64_t rows, const T *a, T *w, T *vt, T *scratch)
{
    int n = (int)rows, info = 0;
    int64_t space = eigh_work(rows);
    int work_size = (int)space, whole_size = 3 + 5 * n;
    for (int64_t i = 0; i < rows; i++) memcpy(vt + i * rows, a + i * rows, (size_t)(i + 1) * sizeof *a);
    blas_enter();
    ROUTINE(syevd)
    ("V", "U", &n, vt, &n, w, scratch, &work_size, (int32_t *)(void *)(scratch + space), &whole_size, &info, 1, 1);
    blas_leave();
    return info;
}
