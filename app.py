"""Entry: `gunicorn app:app` for the service, `python app.py …` for the command line."""

if __name__ == "__main__":
    from hantu.cli import main

    main()
else:
    from hantu.serve import build_app

    app = build_app()
