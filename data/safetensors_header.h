/* The header of a safetensors file, between reading its bytes and using what it says. */
#ifndef DATA_SAFETENSORS_HEADER_H
#define DATA_SAFETENSORS_HEADER_H

#include "data/safetensors.h"

enum { SAFETENSORS_HEADER_MAX = 100 * 1000 * 1000 };

/* Parses file->header and fills in entries, count and draws. */
bool safetensors_parse(safetensors *file, size_t length, const char *who, file_fault *fault);
/* "F32" for WG_F32; NULL for what the format cannot hold. */
const char *safetensors_type_name(wg_type type);

#endif
