using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace EdgeSdk.Text;

/// <summary>A tokenizer read from a Hugging Face <c>tokenizer.json</c>: text to token ids and back, equal to what the reference implementation gives.</summary>
/// <remarks>Immutable once read, and safe for concurrent use.</remarks>
public sealed class Tokenizer
{
    /// <summary>A workspace that a long text has made larger than this is not kept.</summary>
    private const int LongestKept = 1 << 18;

    private readonly TokenizerParts _parts;
    private readonly TokenDecoder _decoder;
    private readonly Dictionary<string, int> _addedIds;
    private readonly Lazy<AddedTokenFinder> _specialSpellings;
    private readonly Lazy<AddedTokenFinder> _turnSpellings;
    private readonly Lazy<string> _fingerprint;
    private readonly Detokenizer?[] _spareDetokenizers = new Detokenizer?[2];
    private Workspace? _spare;

    internal Tokenizer(TokenizerParts parts)
    {
        _parts = parts;
        _decoder = parts.Decoder;
        _addedIds = parts.AddedTokens.ToDictionary(t => t.Content, t => t.Id);
        var special = parts.AddedTokens.Where(t => t.Special && t.Content.Length > 1);
        _specialSpellings = new(() => new AddedTokenFinder([.. special], normalizer: null));
        _turnSpellings = new(() => new AddedTokenFinder([.. special.Where(t => !ThoughtBorders.IsBorder(t.Content))], normalizer: null));
        _fingerprint = new Lazy<string>(ComputeFingerprint);
    }

    /// <summary>Reads <c>tokenizer.json</c>.</summary>
    /// <param name="folderOrFile">A model folder that holds a <c>tokenizer.json</c>, or the file itself.</param>
    /// <exception cref="EdgeException">The file is missing, damaged, or uses what is not supported; the message names the field and the value.</exception>
    public static Tokenizer Load(string folderOrFile)
    {
        string path = Directory.Exists(folderOrFile) ? Path.Combine(folderOrFile, TokenizerFile.Name) : folderOrFile;
        try
        {
            return new Tokenizer(TokenizerFile.Load(path));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            bool hasSentencePiece = Directory.Exists(folderOrFile) && File.Exists(Path.Combine(folderOrFile, "tokenizer.model"));
            string remedy = hasSentencePiece
                ? "The folder's tokenizer.model is SentencePiece's own format: load it with transformers' AutoTokenizer and save it with save_pretrained, which writes tokenizer.json"
                : "Give a folder that holds a tokenizer.json, or the file itself";
            throw new EdgeException(EdgeErrorCode.InvalidModel, $"{path} cannot be read ({exception.Message.TrimEnd('.')}). {remedy}.", exception);
        }
    }

    /// <summary>Reads the bytes of a <c>tokenizer.json</c>.</summary>
    /// <param name="utf8">The file's content.</param>
    /// <param name="name">What error messages call it.</param>
    /// <exception cref="EdgeException">The content is damaged or uses what is not supported.</exception>
    public static Tokenizer Parse(ReadOnlyMemory<byte> utf8, string name) => new(TokenizerFile.Read(utf8, name));

    /// <summary>One more than the highest id; an embedding may have more rows, as padding.</summary>
    public int VocabularySize => _decoder.Tokens.Count;

    /// <summary>
    /// SHA-256 (lower-case hex) over every id in order: id, length, bytes (<see cref="BytesOf"/>), one byte whether special; integers as little-endian uint32. Models
    /// whose tokenizers have equal fingerprints can decode together.
    /// </summary>
    public string Fingerprint => _fingerprint.Value;

    /// <summary>The ids of <paramref name="text"/>. Special tokens written in the text are parsed.</summary>
    /// <param name="text">Any text; an unpaired surrogate reads as U+FFFD.</param>
    /// <param name="addSpecialTokens">Whether to add what the tokenizer's post-processor adds, such as a beginning-of-text token.</param>
    public int[] Encode(string text, bool addSpecialTokens = true)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Encode(text, addSpecialTokens, isGuarded: false);
    }

    /// <summary>Whether a control token of two letters or more is spelled in <paramref name="text"/>.</summary>
    internal bool SpellsSpecial(string text) => _specialSpellings.Value.IndexIn(Encoding.UTF8.GetBytes(text)) >= 0;

    /// <summary>The text with a mark in every spelling of a control token, so that <see cref="EncodeGuarded"/> reads them as letters.</summary>
    /// <param name="text">The text.</param>
    /// <param name="mayThink">Where thoughts begin and end is left as it is.</param>
    internal string Guard(string text, bool mayThink = false)
    {
        var spellings = (mayThink ? _turnSpellings : _specialSpellings).Value;
        ReadOnlySpan<byte> rest = Encoding.UTF8.GetBytes(text);
        int at = spellings.IndexIn(rest);
        if (at < 0)
            return text;

        var guarded = new StringBuilder();
        for (; at >= 0; at = spellings.IndexIn(rest))
        {
            int letterEnd = at + Utf8Text.LengthAt(rest, at);
            guarded.Append(Encoding.UTF8.GetString(rest[..letterEnd])).Append(Guards.Mark);
            rest = rest[letterEnd..];
        }

        return guarded.Append(Encoding.UTF8.GetString(rest)).ToString();
    }

    /// <summary>The ids of a text of which parts went through <see cref="Guard"/>, without what the post-processor adds.</summary>
    internal int[] EncodeGuarded(string text) => Encode(text, addSpecialTokens: false, isGuarded: true);

    private int[] Encode(string text, bool addSpecialTokens, bool isGuarded)
    {
        var workspace = Interlocked.Exchange(ref _spare, null) ?? new Workspace();
        byte[] utf8 = ArrayPool<byte>.Shared.Rent(Encoding.UTF8.GetMaxByteCount(text.Length));
        int length = Encoding.UTF8.GetBytes(text, utf8);

        workspace.IsGuarded = isGuarded;
        workspace.Budget.Reset();
        workspace.Budget.Add(length);
        workspace.Ids.Clear();
        workspace.Ids.AddRange(addSpecialTokens ? _parts.Surroundings.Before.AsSpan() : []);
        EncodeText(utf8.AsSpan(0, length), workspace);
        workspace.Ids.AddRange(addSpecialTokens ? _parts.Surroundings.After.AsSpan() : []);
        int[] ids = [.. workspace.Ids];

        ArrayPool<byte>.Shared.Return(utf8);
        if (length <= LongestKept)
            _spare = workspace;

        return ids;
    }

    /// <summary>The text of <paramref name="ids"/>. Ids outside the vocabulary give nothing; bytes that are not UTF-8 give U+FFFD.</summary>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = false)
    {
        ref var spare = ref _spareDetokenizers[skipSpecialTokens ? 1 : 0];
        var detokenizer = Interlocked.Exchange(ref spare, null) ?? CreateDetokenizer(skipSpecialTokens);
        string text = detokenizer.Decode(ids);
        if (text.Length <= LongestKept)
            spare = detokenizer;

        return text;
    }

    /// <summary>Decodes a stream of ids, one at a time.</summary>
    public Detokenizer CreateDetokenizer(bool skipSpecialTokens) => new(_decoder, skipSpecialTokens);

    /// <summary>Whether <paramref name="id"/> is a special token.</summary>
    public bool IsSpecial(int id) => _decoder.Tokens.Has(id) && _decoder.Special[id];

    /// <summary>The id of a token as the vocabulary writes it (<c>&lt;|end|&gt;</c>, <c>Ġthe</c>); null where there is none.</summary>
    public int? IdOf(string token)
    {
        ArgumentNullException.ThrowIfNull(token);
        int id = _addedIds.TryGetValue(token, out int added) ? added : _parts.Vocabulary.IdOf(Encoding.UTF8.GetBytes(token));
        return id >= 0 ? id : null;
    }

    /// <summary>
    /// The bytes that <paramref name="id"/> stands for in a text, after byte-level decoding, byte fallback and the decoder's replacements; empty where there is no such id.
    /// </summary>
    public ReadOnlySpan<byte> BytesOf(int id) => _decoder.Tokens[id];

    /// <summary>Whether decoding puts a space between any two tokens, which neither of them contributes.</summary>
    public bool IsSpaced => _decoder.IsSpaced;

    private void EncodeText(ReadOnlySpan<byte> text, Workspace workspace)
    {
        workspace.RawParts.Clear();
        _parts.RawTokens.Find(text, workspace.Budget, workspace.RawParts);
        foreach (var (id, raw) in workspace.RawParts)
        {
            if (id >= 0)
            {
                workspace.Ids.Add(id);
                continue;
            }

            var part = text[raw.Start..raw.End];
            int start = raw.Start == 0 ? Utf8Text.LengthAt(part, 0) : 0;
            if (_parts.Normalizer is { } normalizer)
            {
                workspace.Normalized.Clear();
                int kept = normalizer.Apply(part, start, workspace.Normalized);
                start = raw.Start == 0 ? kept : 0;
                part = workspace.Normalized.Written;
            }

            EncodeNormalized(part, start, workspace);
        }
    }

    private void EncodeNormalized(ReadOnlySpan<byte> text, int start, Workspace workspace)
    {
        workspace.NormalizedParts.Clear();
        _parts.NormalizedTokens.Find(text, workspace.Budget, workspace.NormalizedParts);
        foreach (var (id, part) in workspace.NormalizedParts)
        {
            if (id >= 0)
            {
                workspace.Ids.Add(id);
                continue;
            }

            var pieces = workspace.Pieces;
            var span = text[part.Start..part.End];
            pieces.Start(workspace.IsGuarded ? WithoutGuards(span) : span, Math.Max(0, start - part.Start));
            _parts.PreTokenizer?.Apply(pieces);
            foreach (var piece in pieces.Pieces)
                _parts.Model.Encode(pieces.Text[piece.Start..piece.End], workspace.Model, workspace.Ids);
        }
    }

    /// <summary>What the model sees of a guarded text.</summary>
    private static byte[] WithoutGuards(ReadOnlySpan<byte> text)
    {
        var letters = new TextBuffer(new TextBudget());
        letters.Write(text);
        letters.Replace(0, "\uFDD0"u8, []);
        return letters.Written.ToArray();
    }

    private string ComputeFingerprint()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> header = stackalloc byte[2 * sizeof(uint)];
        for (int id = 0; id < VocabularySize; id++)
        {
            if (!_decoder.Tokens.Has(id))
                continue;

            var bytes = BytesOf(id);
            BinaryPrimitives.WriteInt32LittleEndian(header, id);
            BinaryPrimitives.WriteInt32LittleEndian(header[sizeof(uint)..], bytes.Length);
            hash.AppendData(header);
            hash.AppendData(bytes);
            hash.AppendData([_decoder.Special[id] ? (byte)1 : (byte)0]);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>What encoding one text needs; reused.</summary>
    private sealed class Workspace
    {
        public Workspace() => (Normalized, Pieces, Model) = (new TextBuffer(Budget), new PieceList(Budget), new ModelWorkspace(Budget));

        public List<int> Ids { get; } = [];

        /// <summary>Whether the text has guards, which go before the model sees it.</summary>
        public bool IsGuarded { get; set; }

        public List<(int Id, Piece Piece)> RawParts { get; } = [];

        public List<(int Id, Piece Piece)> NormalizedParts { get; } = [];

        public TextBudget Budget { get; } = new();

        public TextBuffer Normalized { get; }

        public PieceList Pieces { get; }

        public ModelWorkspace Model { get; }
    }
}
