"""Everything in one file, as small services are."""

import asyncio
import csv
import io
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import anyio
import httpx
import requests
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, HTTPException, Request, UploadFile
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Integer, String, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, joinedload, mapped_column

engine = create_async_engine(os.environ.get("URL", "postgresql+asyncpg://localhost/todo"))
SessionLocal = async_sessionmaker(engine, expire_on_commit=False)
TEMPLATE = Path(__file__).read_text()


class Base(DeclarativeBase):
    pass


class Todo(Base):
    __tablename__ = "sf_todos"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    votes: Mapped[int] = mapped_column(default=0)
    is_done: Mapped[bool] = mapped_column(default=False, index=True)


class TodoIn(BaseModel):
    title: str


class TodoOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    title: str
    tags: list[str] = []


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    # Before anybody is served.
    limits = json.loads((Path(__file__).parent / "limits.json").read_text())
    with open("/etc/hostname") as host:
        name = host.read()
    async with httpx.AsyncClient(timeout=5) as client:
        yield {"client": client, "limits": limits, "name": name}


async def get_db() -> AsyncIterator[AsyncSession]:
    async with SessionLocal() as session:
        yield session


Db = Annotated[AsyncSession, Depends(get_db)]
router = APIRouter(prefix="/sf")


@router.post("/todos", status_code=201, response_model=TodoOut)
async def create_todo(todo: TodoIn, db: Db, tasks: BackgroundTasks) -> Todo:
    row = Todo(title=todo.title)
    db.add(row)
    await db.commit()
    tasks.add_task(print, "created", row.id)
    return row


@router.get("/todos", response_model=list[TodoOut])
async def list_todos(db: Db, offset: int = 0, limit: int = 20) -> Any:
    result = await db.execute(select(Todo).order_by(Todo.id).offset(offset).limit(min(limit, 100)))
    return result.scalars().all()


@router.get("/todos/open", response_model=list[TodoOut])
async def open_todos(db: Db) -> Any:
    return (await db.scalars(select(Todo).where(~Todo.is_done).limit(50))).all()


@router.get("/todos/{todo_id}")
async def get_todo(todo_id: int, db: Db) -> TodoOut:
    todo = await db.get(Todo, todo_id)
    if not todo:
        raise HTTPException(404)
    return TodoOut.model_validate(todo)


@router.patch("/todos/{todo_id}", response_model=TodoOut)
async def rename(todo_id: int, todo: TodoIn, db: Db) -> Todo:
    row = await db.get(Todo, todo_id)
    if row is None:
        raise HTTPException(404)
    # A value that the client gives is no read, change and write.
    row.title = todo.title.strip()
    row.is_done = False
    await db.commit()
    return row


@router.post("/todos/{todo_id}/vote", status_code=204)
async def vote(todo_id: int, db: Db) -> None:
    await db.execute(update(Todo).where(Todo.id == todo_id).values(votes=Todo.votes + 1))
    await db.commit()


@router.get("/count")
async def count(db: Db) -> dict[str, int]:
    total = await db.scalar(select(func.count()).select_from(Todo))
    done = await db.scalar(select(func.count()).select_from(Todo).where(Todo.is_done))
    return {"total": total or 0, "done": done or 0}


@router.get("/export.csv")
async def export(db: Db) -> StreamingResponse:
    async def rows() -> AsyncIterator[str]:
        buffer = io.StringIO()
        writer = csv.writer(buffer)
        async for todo in await db.stream_scalars(select(Todo).execution_options(yield_per=500)):
            writer.writerow([todo.id, todo.title])
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()

    return StreamingResponse(rows(), media_type="text/csv")


@router.get("/weather")
async def weather(request: Request) -> list[float]:
    client: httpx.AsyncClient = request.state.client
    answers = await asyncio.gather(*(client.get(f"https://w/{city}") for city in ("a", "b")))
    return [answer.json()["t"] for answer in answers]


@router.post("/upload")
async def upload(file: UploadFile) -> int:
    content = await file.read()
    await anyio.Path("/tmp/upload").write_bytes(content)
    await anyio.to_thread.run_sync(Path("/tmp/upload").unlink)
    async with await anyio.open_file("/tmp/log", "a") as log:
        await log.write(f"{len(content)}\n")
    return len(content)


@router.get("/menu")
async def menu() -> list[str]:
    """A few words, however many loops."""
    words = []
    for course in ("starter", "main"):
        for size in ("small", "large"):
            words.append(f"{course} {size}")
    return words


@router.get("/probe")
async def probe(request: Request) -> int:
    answer = await request.state.client.get("https://w/health")
    answer.elapsed_count = 0
    # An object of its own, which nobody else has.
    answer.elapsed_count += 1
    return answer.elapsed_count


@router.get("/in-a-thread")
async def in_a_thread(url: str) -> int:
    def work() -> int:
        return requests.get(url, timeout=5).status_code

    loop = asyncio.get_running_loop()
    first = await loop.run_in_executor(None, lambda: requests.get(url, timeout=5))
    second = await asyncio.to_thread(requests.get, url)
    third = await anyio.to_thread.run_sync(work)
    return first.status_code + second.status_code + third


@router.get("/template")
async def template() -> str:
    return TEMPLATE


@router.get("/thumbnail")
def thumbnail(size: int) -> int:
    # It only computes: a thread is the right place.
    total = 0
    for x in range(size):
        for y in range(size):
            total += x * y
    return total


@router.post("/tags")
async def tag(names: list[str], db: Db) -> int:
    rows = (await db.scalars(select(Todo).where(Todo.title.in_(names)))).all()
    seen: dict[str, int] = {}
    for row in rows:
        seen[row.title] = seen.get(row.title, 0) + 1
    for row in rows:
        row.is_done = True
    await db.commit()
    return len(seen)
