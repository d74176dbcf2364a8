using Microsoft.Extensions.Logging;

namespace EdgeSdk.Cli;

/// <summary>Logs to standard error, a line an entry: warnings and worse, or more on request.</summary>
internal sealed class ErrorLog(Terminal terminal, bool verbose) : ILoggerFactory
{
    public ILogger CreateLogger(string categoryName) => new Category(terminal, categoryName, verbose);

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException("This log goes to standard error alone.");

    public void Dispose()
    {
    }

    private sealed class Category(Terminal terminal, string name, bool verbose) : ILogger
    {
        private readonly LogLevel _least = !verbose ? LogLevel.Warning : name.StartsWith("EdgeSdk", StringComparison.Ordinal) ? LogLevel.Debug : LogLevel.Information;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= _least && logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel))
                return;

            string because = exception is null ? "" : verbose ? $"\n{exception}" : $": {ExitCode.Message(exception)}";
            string line = $"{DateTime.Now:HH:mm:ss} {name}: {formatter(state, exception)}{because}";
            if (logLevel >= LogLevel.Warning)
                terminal.Warn(line);
            else
                terminal.Note(line);
        }
    }
}
