/* The program dot as a child process, without a shell: names are passed as they are. The library libgvc leaks. */
#include "graph/render.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

const char *render_format(const char *suffix)
{
    static const char *const formats[] = {"svg", "png", "pdf"};
    for (int i = 0; suffix && i < 3; i++)
        if (strcmp(suffix + 1, formats[i]) == 0) return formats[i];
    return NULL;
}

bool render_run(const char *source, const char *target, const char *format)
{
    char type[8], output[1024], input[1024];
    snprintf(type, sizeof type, "-T%s", format);
    snprintf(output, sizeof output, "-o%s", target);
    snprintf(input, sizeof input, "%s%s", source[0] == '-' ? "./" : "", source); /* no name is taken for an option */
    char name[] = "dot", *const arguments[] = {name, type, output, input, NULL};
    posix_spawn_file_actions_t actions;
    pid_t child;
    if (posix_spawn_file_actions_init(&actions) != 0) return false;
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0); /* a library does not print */
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    int started = posix_spawnp(&child, "dot", &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (started != 0) return false;
    int status = 0;
    while (waitpid(child, &status, 0) < 0)
        if (errno == ECHILD)
            return access(target, R_OK) == 0; /* the program ignores SIGCHLD: nobody knows the status */
        else if (errno != EINTR)
            return false;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
