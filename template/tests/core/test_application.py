from fastapi import FastAPI

from app.settings import Settings


def test_it_bears_the_name_of_the_service(app: FastAPI, settings: Settings) -> None:
    assert app.openapi()["info"] == {
        "title": settings.service_name,
        "version": settings.service_version,
    }
