// The program that only user1 may run in the examples.
#include <stdio.h>

int main(void)
{
	puts("hello");
	return 0;
}
