"""A page on which a person asks a model: a Gradio application, for this machine alone unless it is told otherwise.

Files of strangers are read by the modalities' own decoders and by nothing of Gradio's; nothing is fetched from
elsewhere, neither by the server nor by the browser.
"""
