"""Four engines behind one small interface, so that one set of tests runs over all of them.

Today's Chromium, a Chromium of 2019, Firefox and WebKitGTK (the iPhone's engine), each driven in its own way: the
DevTools protocol, WebDriver BiDi, WebDriver. A phone that one of them stands for is no better or worse served.
"""
