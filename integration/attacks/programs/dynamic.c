/* A program that takes the loader: a victim, or one that reads nothing. */
#include <string.h>

int main(int argc, char **argv)
{
	return argc > 1 && !strcmp(argv[1], "victim") ? 42 : 13;
}
