/* Running Graphviz' program dot. */
#ifndef GRAPH_RENDER_H
#define GRAPH_RENDER_H

#include <stdbool.h>

/* "svg", "png" or "pdf" for a suffix with its dot; NULL for any other, and for NULL. */
const char *render_format(const char *suffix);
/* dot -Tformat -o target source; false if it cannot be run or fails. */
bool render_run(const char *source, const char *target, const char *format);

#endif
