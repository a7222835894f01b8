"""The attention explorer, in the app and as a file of its own.

words.py and payload.py make what it shows; attention.js (the numbers), explorer.js, .html and .css show it; page.py puts
it into the app, file.py into a file.
"""
