// Package bench is the record of the project's figures: each measured value
// beside its goal, as the tests behind build tag figures take them.
//
// A test calls Report with the figures of one row. It prints them, appends them
// to the file that the environment variable EARSHOT_BENCH names (none: they are
// only printed), and fails the test where a goal is missed by more than a tenth:
// what is measured varies that much between machines. Command report, below this
// package, makes a table and plots of such a file.
package bench
