# Herald's one image: the API, every worker and the migrations, by the command given.
FROM python:3.13-slim-trixie AS build
WORKDIR /srv/herald
RUN pip install --no-cache-dir uv==0.13.9
COPY requirements.txt .
RUN uv venv /opt/herald && \
    VIRTUAL_ENV=/opt/herald uv pip sync --require-hashes requirements.txt

FROM python:3.13-slim-trixie
RUN useradd --system --uid 10001 --home-dir /srv/herald herald
WORKDIR /srv/herald
COPY --from=build /opt/herald /opt/herald
COPY . .
ENV PATH=/opt/herald/bin:$PATH PYTHONPATH=/srv/herald PYTHONUNBUFFERED=1
USER herald
ENTRYPOINT ["python", "-m", "cli"]
CMD ["api", "--port", "8000"]
