"""The point-cloud viewer: bytes of a cloud, the shelf that keeps them private, the component that shows them.

Does not know what is asked about a cloud. The browser's side is ``js/``, bundled into ``pcviewer.mjs``; building needs
node, using does not: ``cd app/viewer/js && npm ci && npm run build && rm -r node_modules``.
"""
