/* The one pattern language: globs separated by spaces, taken in order; "!" removes what it matches. */
#include "graph/graph.h"

#include <fnmatch.h>
#include <string.h>

bool graph_match(const char *pattern, const char *name)
{
    if (!pattern) return true;
    bool matches = *pattern == '!'; /* "!a" alone: everything but a */
    while (*pattern) {
        size_t length = strcspn(pattern, " ");
        char glob[PATH_SIZE];
        bool remove = *pattern == '!';
        if (length > remove && length < sizeof glob) {
            memcpy(glob, pattern + remove, length - remove);
            glob[length - remove] = '\0';
            if (fnmatch(glob, name, 0) == 0) matches = !remove;
        }
        pattern += length;
        while (*pattern == ' ') pattern++;
    }
    return matches;
}
