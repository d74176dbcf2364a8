using System.Runtime.InteropServices;

namespace EdgeSdk.Cli;

/// <summary>Ctrl+C and SIGTERM: the first asks the command to stop, a second ends the process.</summary>
internal sealed class Signals : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly PosixSignalRegistration _interrupt, _terminate;

    public Signals()
    {
        _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Take(context, ExitCode.Interrupted));
        _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Take(context, ExitCode.Terminated));
    }

    /// <summary>Signalled by the first of them.</summary>
    public CancellationToken Stop => _stop.Token;

    /// <summary>The exit code for the signal that came; null while none did.</summary>
    public int? Received { get; private set; }

    public void Dispose()
    {
        _interrupt.Dispose();
        _terminate.Dispose();
        _stop.Dispose();
    }

    private void Take(PosixSignalContext context, int exitCode)
    {
        if (Received is not null)
            return;

        context.Cancel = true;
        Received = exitCode;
        _stop.Cancel();
    }
}
