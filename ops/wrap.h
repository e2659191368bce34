/* Marks functions whose integers wrap around on purpose, for the sanitizer of undefined behaviour: the library is
   compiled so that they do (-fwrapv), but for builds with that sanitizer. */
#ifndef OPS_WRAP_H
#define OPS_WRAP_H

#define WRAPS __attribute__((no_sanitize("signed-integer-overflow")))

#endif
