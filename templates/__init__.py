"""Templates: checked when saved, compiled once per version, rendered per recipient. CPU only.

parts       what an author writes, per channel
check       the allow-list over the syntax tree, and what a template needs
compile     MJML, layout, CSS inlining, text part: all that does not depend on the recipient
renderer    a compiled template and a context give one channel's words
validation  everything an author should hear before a template is saved
catalogue   the starter templates Herald ships
locale      which language a reader gets
"""
