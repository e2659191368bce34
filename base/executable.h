/* Memory for machine code that this process writes: pages of their own, first to write, then to execute, never both. */
#ifndef BASE_EXECUTABLE_H
#define BASE_EXECUTABLE_H

#include <stdbool.h>
#include <stddef.h>

/* Pages to write to, at least `room` bytes; NULL: there is no memory. */
void *executable_new(size_t room);
/* Makes the first `bytes` of them executable and gives back the others; returns the bytes kept, whole pages. 0: that is
   not allowed here (or there are no bytes), and all is given back. */
size_t executable_seal(void *pages, size_t room, size_t bytes);
/* Whether this process may make pages executable. */
bool executable_allowed(void);
/* `bytes` as they were kept. */
void executable_free(void *pages, size_t bytes);

#endif
