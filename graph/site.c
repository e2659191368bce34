/* From a return address to a line of C: through debug information where libdw is there, else by symbol and offset. */
#define _GNU_SOURCE /* dladdr */
#include "graph/graph.h"
#include "graph/shape.h"

#include <dlfcn.h>
#include <string.h>
#include <unistd.h>

#ifdef WG_HAVE_LIBDW
#include <dwarf.h>
#include <elfutils/libdwfl.h>

/* Never look for separate debug files: the search may leave the machine. */
static int no_debug_file(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base, const char *file,
                         const char *link, GElf_Word crc, char **result)
{
    (void)module, (void)user, (void)name, (void)base, (void)file, (void)link, (void)crc, (void)result;
    return -1;
}

/* The line of an address; units are walked one by one, because clang writes no index of their addresses. */
static void find_line(Dwfl_Module *module, Dwarf_Addr address, char *file, size_t size, int *line)
{
    Dwarf_Addr bias;
    for (Dwarf_Die *unit = NULL; (unit = dwfl_module_nextcu(module, unit, &bias));) {
        if (dwarf_haspc(unit, address - bias) <= 0) continue;
        Dwarf_Line *found = dwarf_getsrc_die(unit, address - bias);
        const char *source = found ? dwarf_linesrc(found, NULL, NULL) : NULL;
        if (!source || dwarf_lineno(found, line)) continue;
        const char *slash = strrchr(source, '/');
        snprintf(file, size, "%s", slash ? slash + 1 : source);
        return;
    }
}

site_lines *site_open(void)
{
    static const Dwfl_Callbacks callbacks = {.find_elf = dwfl_linux_proc_find_elf, .find_debuginfo = no_debug_file};
    Dwfl *process = dwfl_begin(&callbacks);
    if (!process) return NULL;
    if (dwfl_linux_proc_report(process, getpid()) == 0 && dwfl_report_end(process, NULL, NULL) == 0)
        return (site_lines *)process;
    dwfl_end(process);
    return NULL;
}

void site_close(site_lines *lines)
{
    if (lines) dwfl_end((Dwfl *)lines);
}

static void find_by_debug_information(site_lines *lines, void *address, char *file, size_t size, int *line)
{
    Dwarf_Addr call = (Dwarf_Addr)(uintptr_t)address - 1; /* inside the call, not after it */
    Dwfl_Module *module = dwfl_addrmodule((Dwfl *)lines, call);
    if (module) find_line(module, call, file, size, line);
}
#else
site_lines *site_open(void)
{
    return NULL;
}

void site_close(site_lines *lines)
{
    (void)lines;
}

static void find_by_debug_information(site_lines *lines, void *address, char *file, size_t size, int *line)
{
    (void)lines, (void)address, (void)file, (void)size, (void)line;
}
#endif

void site_find(site_lines *lines, void *address, char *file, size_t size, int *line)
{
    file[0] = '\0';
    *line = 0;
    if (lines && address) find_by_debug_information(lines, address, file, size, line);
}

void site_describe(void *address, char *text, size_t size)
{
    int line;
    site_lines *lines = address ? site_open() : NULL;
    site_find(lines, address, text, size, &line);
    site_close(lines);
    size_t used = strlen(text);
    if (line) {
        text_append(text, size, &used, ":%d", line);
        return;
    }
    Dl_info info;
    text[0] = '\0';
    if (!address || !dladdr(address, &info) || !info.dli_fname) return;
    const char *slash = strrchr(info.dli_fname, '/');
    const char *name = info.dli_sname ? info.dli_sname : slash ? slash + 1 : info.dli_fname;
    const void *base = info.dli_sname ? info.dli_saddr : info.dli_fbase;
    snprintf(text, size, "%s+0x%zx", name, (size_t)((const char *)address - (const char *)base));
}
