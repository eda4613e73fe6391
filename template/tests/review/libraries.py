"""What others' libraries do: by name, whatever of it this service has."""

from collections.abc import Collection, Iterable, Mapping

ASYNC_HTTP = "ask through `HttpClientDep`"
THREAD = "`await anyio.to_thread.run_sync(…)`, or a library for asyncio"
PROCESS = "`await run_cpu(…)`, or a task"
HTTPX = ("get", "post", "put", "patch", "delete", "request", "stream", "Client")

# What waits, with the thread: a module or a part of one, and what to take instead.
BLOCKING: Mapping[str, str] = {
    **dict.fromkeys(
        [
            *("requests", "niquests", "urllib.request", "urllib3", "http.client"),
            *(f"httpx.{name}" for name in HTTPX),
            *(f"httpx2.{name}" for name in HTTPX),
        ],
        ASYNC_HTTP,
    ),
    **dict.fromkeys(
        [
            *(f"subprocess.{name}" for name in ("run", "call", "check_call", "check_output")),
            *("subprocess.getoutput", "subprocess.Popen", "os.system", "os.popen"),
        ],
        "`await asyncio.create_subprocess_exec(…)`",
    ),
    **dict.fromkeys(
        [
            *("open", "io.open", "input", "os.listdir", "os.scandir", "os.walk", "os.remove"),
            *("os.rename", "shutil", "pathlib.Path.open", "pathlib.Path.glob", "glob.glob"),
            *("socket.create_connection", "socket.getaddrinfo", "socket.gethostbyname"),
            *("socket.socket", "tempfile.NamedTemporaryFile", "smtplib", "ftplib", "poplib"),
            *("imaplib", "paramiko", "boto3", "stripe", "twilio", "pika", "kafka"),
            *("sqlite3", "psycopg2", "psycopg.connect", "pymysql", "MySQLdb", "mysql.connector"),
            *("cx_Oracle", "pyodbc", "pymssql", "pymongo", "redis.Redis", "redis.StrictRedis"),
            *("redis.from_url", "memcache", "pymemcache", "elasticsearch.Elasticsearch"),
            *("sqlalchemy.create_engine", "sqlalchemy.orm.Session"),
        ],
        THREAD,
    ),
    "time.sleep": "`await asyncio.sleep(…)`",
}
# To make them takes no time; to use them does.
INERT = {
    *("requests.Session", "requests.session", "httpx.Client", "httpx2.Client", "redis.Redis"),
    *("redis.StrictRedis", "redis.from_url", "boto3.client", "socket.socket"),
}
# Once they were called, it is clear what follows.
OPENERS = {"open", "io.open", "pathlib.Path.open"}
# Methods that are named like nothing else.
BLOCKING_METHODS = {"read_text", "read_bytes", "write_text", "write_bytes"}

# What computes, for longer than some 10 ms.
COMPUTING: Mapping[str, str] = dict.fromkeys(
    [
        *("hashlib.pbkdf2_hmac", "hashlib.scrypt", "bcrypt", "argon2", "passlib", "PIL.Image.open"),
        *("cv2", "pandas.read_csv", "pandas.read_excel", "pandas.read_json", "openpyxl"),
        *("zipfile", "tarfile", "gzip.compress", "bz2.compress", "lzma.compress", "reportlab"),
        *("weasyprint", "numpy.linalg", "sklearn", "torch", "itertools.permutations"),
        "cryptography.hazmat.primitives.asymmetric.rsa.generate_private_key",
    ],
    PROCESS,
)

# What is dear to open, and there to be shared.
CLIENTS: Collection[str] = frozenset(
    {
        *("httpx.AsyncClient", "httpx.Client", "httpx2.AsyncClient", "httpx2.Client"),
        *("aiohttp.ClientSession", "requests.Session", "requests.session", "niquests.AsyncSession"),
        *("redis.Redis", "redis.from_url", "redis.asyncio.Redis", "redis.asyncio.from_url"),
        *("redis.asyncio.ConnectionPool", "redis.asyncio.RedisCluster", "redis.Redis.from_url"),
        *("redis.asyncio.Redis.from_url", "valkey.asyncio.Valkey", "valkey.asyncio.from_url"),
        *("sqlalchemy.create_engine", "sqlalchemy.ext.asyncio.create_async_engine"),
        *("asyncpg.connect", "asyncpg.create_pool", "psycopg.connect", "psycopg2.connect"),
        *("psycopg.AsyncConnection.connect", "psycopg_pool.AsyncConnectionPool"),
        *("asyncmy.connect", "asyncmy.create_pool", "aiomysql.connect", "aiomysql.create_pool"),
        *("aiosqlite.connect", "sqlite3.connect", "pymysql.connect", "pymongo.MongoClient"),
        *("motor.motor_asyncio.AsyncIOMotorClient", "pymongo.AsyncMongoClient", "boto3.client"),
        *("aioboto3.Session", "aio_pika.connect", "aio_pika.connect_robust", "nats.connect"),
        *("aiokafka.AIOKafkaProducer", "elasticsearch.AsyncElasticsearch", "aiosmtplib.SMTP"),
        *("openai.AsyncOpenAI", "openai.OpenAI", "concurrent.futures.ProcessPoolExecutor"),
        *("concurrent.futures.ThreadPoolExecutor", "smtplib.SMTP"),
    }
)


def entry(name: str | None, listed: Iterable[str]) -> str | None:
    """Find what a name belongs to: `requests.get` to `requests`."""
    parts = (name or "").split(".")
    prefixes = {".".join(parts[:length]) for length in range(1, len(parts) + 1)}
    found = max((each for each in listed if each in prefixes), key=len, default=None)
    return None if name in INERT or (found in OPENERS and found != name) else found
