"""The views of the browser as Streamlit components, one module a page."""
