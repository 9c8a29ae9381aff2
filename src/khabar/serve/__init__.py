"""`khabar serve`: annotating over HTTP, and the page on which people correct what the model says.

Needs the extra ``serve``. Nothing here imports training; `khabar.serve.command` can be imported without the
extra, so that ``khabar serve --help`` works and a missing extra is one clear sentence.
"""
