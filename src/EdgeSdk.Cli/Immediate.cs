namespace EdgeSdk.Cli;

/// <summary>Progress told at once and in order, on the thread that makes it; <see cref="Progress{T}"/> queues it.</summary>
internal sealed class Immediate<T>(Action<T> tell) : IProgress<T>
{
    public void Report(T value) => tell(value);
}
