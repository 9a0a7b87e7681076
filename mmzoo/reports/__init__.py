"""What a run is, for people: the report as a page, its charts as pictures, the model card; one style for all pages."""
