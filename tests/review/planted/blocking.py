"""What holds up the event loop, in many forms."""

import hashlib
import os
import socket
import sqlite3
import subprocess
import time
from itertools import permutations
from pathlib import Path
from time import sleep
from urllib.request import urlopen

import psycopg2
import requests
from fastapi import APIRouter, Depends
from requests import get as fetch

router = APIRouter()
ROUNDS = 10**6


@router.get("/slow")
async def slow() -> None:
    time.sleep(1)  # finds: blocking-call


@router.get("/slower")
async def slower() -> None:
    sleep(1)  # finds: blocking-call


@router.get("/page")
async def page(url: str) -> str:
    return requests.get(url, timeout=1).text  # finds: blocking-call


@router.get("/other")
async def other(url: str) -> str:
    answer = fetch(url, timeout=1)  # finds: blocking-call
    return answer.text


@router.get("/third")
async def third(url: str) -> bytes:
    with urlopen(url) as answer:  # finds: blocking-call
        return answer.read()  # finds: blocking-call


class Client:
    def __init__(self) -> None:
        self.session = requests.Session()  # finds: client-per-call

    def load(self, url: str) -> str:
        return self.ask(url)

    def ask(self, url: str) -> str:
        return self.session.get(url).text


@router.get("/two-deep")
async def two_deep(url: str) -> str:
    client = Client()
    return client.load(url)  # finds: blocking-call


def read_config() -> str:
    return parse(Path("config.json"))


def parse(path: Path) -> str:
    return path.read_text()


async def configure() -> str:
    return read_config()  # finds: blocking-call


@router.get("/file")
async def file() -> str:
    with open("report.txt") as lines:  # finds: blocking-call
        return lines.readline()


@router.get("/path")
async def path() -> bytes:
    return Path("report.bin").read_bytes()  # finds: blocking-call


@router.get("/opened")
async def opened() -> str:
    with Path("report.txt").open() as lines:  # finds: blocking-call
        return lines.readline()


@router.get("/command")
async def command() -> int:
    return subprocess.run(["ls"], check=False).returncode  # finds: blocking-call


@router.get("/shell")
async def shell() -> None:
    os.system("ls")  # finds: blocking-call


@router.get("/name")
async def name(host: str) -> str:
    return socket.gethostbyname(host)  # finds: blocking-call


@router.get("/rows")
async def rows() -> list[tuple[int, ...]]:
    connection = sqlite3.connect("data.db")  # finds: blocking-call, client-per-call
    cursor = connection.execute("SELECT 1")  # finds: blocking-call
    return cursor.fetchmany(10)  # finds: blocking-call


async def background(url: str) -> None:
    psycopg2.connect(url)  # finds: blocking-call


async def dependency() -> None:
    time.sleep(0.1)  # finds: blocking-call


@router.get("/dependent", dependencies=[Depends(dependency)])
async def dependent() -> None:
    def inner() -> None:
        time.sleep(1)

    inner()  # finds: blocking-call


# --- What computes ---------------------------------------------------------------------------


@router.post("/password")
async def password(text: str) -> str:
    return hashlib.pbkdf2_hmac("sha256", text.encode(), b"", 600_000).hex()  # finds: cpu-in-async


def digest(text: str) -> str:
    return hashed(text.encode())


def hashed(text: bytes) -> str:
    return hashlib.scrypt(text, salt=b"", n=2**14, r=8, p=1).hex()


@router.post("/digest")
async def digest_of(text: str) -> str:
    return digest(text)  # finds: cpu-in-async


@router.get("/count")
async def count() -> int:
    total = 0
    for number in range(ROUNDS):  # finds: cpu-in-async
        total += number
    return total


@router.get("/sum")
async def sum_up() -> int:
    return sum(number * number for number in range(5_000_000))  # finds: cpu-in-async


@router.get("/matrix")
async def matrix(size: int) -> int:
    total = 0
    for left in range(size):  # finds: cpu-in-async
        for right in range(size):
            total += left * right
    return total


@router.get("/orders")
async def orders(size: int) -> int:
    return len(list(permutations(range(size))))  # finds: cpu-in-async


# --- Handlers that take a thread -----------------------------------------------------------------


@router.get("/thread")
def thread(url: str) -> str:
    return requests.get(url, timeout=1).text  # finds: sync-handler


@router.get("/deep-thread")
def deep_thread(url: str) -> str:
    client = Client()
    return client.load(url)  # finds: sync-handler


def current_user(token: str) -> str:
    with open("users.txt") as users:  # finds: sync-handler
        return users.readline()


@router.get("/me")
async def me(user: str = Depends(current_user)) -> str:
    return user
