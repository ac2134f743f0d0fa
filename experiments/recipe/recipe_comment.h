/*
 * The comment at the head of a recipe: what it is to show, in its author's words.
 */
#ifndef EXPERIMENTS_RECIPE_RECIPE_COMMENT_H
#define EXPERIMENTS_RECIPE_RECIPE_COMMENT_H

/* The lines of a recipe's text, from the first on, that begin with #, without it and one blank; ""
 * where there are none. A line ends before a byte that is no text. Released with sde_free. */
char *recipe_comment(const char *text);

#endif
