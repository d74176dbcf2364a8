using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace EdgeSdk.Cli;

/// <summary>Standard streams, in UTF-8 whatever the locale says: data to one, progress and errors to the other.</summary>
internal sealed class Terminal : IDisposable
{
    private const string Red = "31", Yellow = "33", Dim = "2", Reset = "\u001b[0m";

    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false);

    // Text is data for other programs, never part of a web page.
    private static readonly JsonWriterOptions s_json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Lazy<TextReader> _input = new(() => new StreamReader(Console.OpenStandardInput(), s_utf8));
    private bool _colour, _inThought;

    /// <summary>Standard output.</summary>
    public TextWriter Out { get; } = new StreamWriter(Console.OpenStandardOutput(), s_utf8, bufferSize: 1024) { AutoFlush = true };

    /// <summary>Standard error.</summary>
    public TextWriter Error { get; } = new StreamWriter(Console.OpenStandardError(), s_utf8, bufferSize: 1024) { AutoFlush = true };

    /// <summary>Whether a person reads standard error as it is written.</summary>
    public bool IsInteractive { get; } = !Console.IsErrorRedirected;

    /// <summary>Takes in what the command line says of the terminal.</summary>
    public void Begin(bool noColour)
    {
        bool wanted = !noColour && Environment.GetEnvironmentVariable("NO_COLOR") is null or "" && Environment.GetEnvironmentVariable("TERM") != "dumb";
        _colour = wanted && IsInteractive;
        if (OperatingSystem.IsWindows())
            Console.OutputEncoding = s_utf8;
    }

    /// <summary>Standard input to its end, as UTF-8, nothing trimmed.</summary>
    public static async Task<string> ReadAllAsync(CancellationToken cancellationToken)
    {
        using var content = new MemoryStream();
        var input = Console.OpenStandardInput();
        await using (input.ConfigureAwait(false))
        {
            await input.CopyToAsync(content, cancellationToken).ConfigureAwait(false);
        }

        return Decode(content.GetBuffer().AsSpan(0, (int)content.Length));
    }

    private static string Decode(ReadOnlySpan<byte> utf8)
    {
        for (int at = 0, length; at < utf8.Length; at += length)
        {
            if (Rune.DecodeFromUtf8(utf8[at..], out _, out length) != OperationStatus.Done)
            {
                throw new EdgeException(EdgeErrorCode.InvalidArgument, $"Standard input is not UTF-8: byte {at} is 0x{utf8[at]:X2}. Convert it, or give the text as an argument.");
            }
        }

        return s_utf8.GetString(utf8);
    }

    /// <summary>A line of standard input, asked for where a person types it; null at its end.</summary>
    public async Task<string?> AskAsync(string prompt, CancellationToken cancellationToken)
    {
        if (IsInteractive && !Console.IsInputRedirected)
            Error.Write(prompt);

        // The console's own reads cannot be cancelled: the one under way is left behind.
        return await Task.Run(_input.Value.ReadLine, CancellationToken.None).WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Writes a JSON object on a line of its own.</summary>
    public void Json(Action<Utf8JsonWriter> writeProperties)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, s_json))
        {
            json.WriteStartObject();
            writeProperties(json);
            json.WriteEndObject();
        }

        Out.WriteLine(s_utf8.GetString(buffer.WrittenSpan));
    }

    /// <summary>Progress and the like.</summary>
    public void Note(string text) => Error.WriteLine(Styled(Dim, text));

    /// <summary>What the user should know though the command goes on.</summary>
    public void Warn(string text) => Error.WriteLine(Styled(Yellow, $"warning: {text}"));

    /// <summary>Why the command failed.</summary>
    public void Fail(string text) => Error.WriteLine(Styled(Red, $"error: {text}"));

    /// <summary>A passage of a thought: no part of the answer, so not on standard output.</summary>
    public void Thought(string text)
    {
        if (text.Length == 0)
            return;

        _inThought = true;
        Error.Write(Styled(Dim, text));
    }

    /// <summary>A passage of an answer on standard output, coloured where a person reads it.</summary>
    public void Answer(string text, EdgeWriter? writer)
    {
        if (_inThought)
            Error.WriteLine();

        _inThought = false;
        string? style = writer switch
        {
            EdgeWriter.AcceptedDraft => "36",
            EdgeWriter.Server => "33",
            EdgeWriter.Device => "32",
            _ => null,
        };
        Out.Write(style is not null && _colour && !Console.IsOutputRedirected ? $"\u001b[{style}m{text}{Reset}" : text);
    }

    public void Dispose()
    {
        Out.Dispose();
        Error.Dispose();
    }

    private string Styled(string style, string text) => _colour ? $"\u001b[{style}m{text}{Reset}" : text;
}
